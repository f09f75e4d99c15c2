/** Sends the requests of vectors to a port mapper and prints the answers: a program that runs inside a sandbox. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { encodeRecord } from '../../src/portmap/wire/record.ts';
import type { Answer, Vector } from './vectors.ts';

const PORT = 111;
const SOCKET = '/run/rpcbind.sock';

/**
 * A call of a program that no port mapper has, sent after each request: when it is answered, no earlier answer is
 * outstanding. It is counted in no statistics.
 */
const FENCE = Buffer.from(
  `feedface${'00000000'}00000002${'00000001'.repeat(3)}${'00000000'.repeat(4)}`,
  'hex',
);
const FENCE_XID = 'feedface';

const LOOPBACK = { udp: '127.0.0.1', tcp: '127.0.0.1', udp6: '::1', tcp6: '::1' } as const;

async function overUdp(vector: Vector, netid: 'udp' | 'udp6'): Promise<Answer> {
  const socket = createSocket(netid === 'udp' ? 'udp4' : 'udp6');
  socket.bind(vector.fromPort ?? 0, vector.from);
  await once(socket, 'listening');
  const replies: string[] = [];
  const fenced = new Promise<void>((resolve) => {
    socket.on('message', (message) => {
      const reply = message.toString('hex');
      if (reply.startsWith(FENCE_XID)) resolve();
      else replies.push(reply);
    });
  });
  const to = vector.to ?? LOOPBACK[netid];
  socket.send(Buffer.from(vector.request, 'hex'), PORT, to);
  socket.send(FENCE, PORT, to);
  await fenced;
  socket.close();
  return { reply: replies.length === 0 ? null : replies.join(''), closed: false };
}

function connect(vector: Vector): Socket {
  const { transport } = vector;
  if (transport === 'local') return createConnection(SOCKET);
  const host = vector.to ?? (transport === 'tcp' ? LOOPBACK.tcp : LOOPBACK.tcp6);
  return createConnection(
    vector.from === undefined ? { host, port: PORT } : { host, port: PORT, localAddress: vector.from },
  );
}

/** The uid of the peer is recorded when the connection is made. */
async function connected(vector: Vector): Promise<Socket> {
  const uid = vector.uid ?? 0;
  if (uid !== 0) process.seteuid?.(uid);
  const socket = connect(vector);
  await once(socket, 'connect');
  if (uid !== 0) process.seteuid?.(0);
  return socket;
}

async function overStream(vector: Vector): Promise<Answer> {
  const socket = await connected(vector);
  let received = Buffer.alloc(0);
  const closed = new Promise<true>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve(true));
  });
  const fenced = new Promise<false>((resolve) => {
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.includes(FENCE_XID, 0, 'hex')) resolve(false);
    });
  });
  const request = Buffer.from(vector.request, 'hex');
  socket.write(vector.isStream ? request : encodeRecord(request));
  socket.write(encodeRecord(FENCE));
  const wasClosed = await Promise.race([closed, fenced]);
  socket.destroy();
  const fence = received.indexOf(FENCE_XID, 0, 'hex');
  const bytes = fence < 0 ? received : received.subarray(0, fence - 4);
  const reply = (vector.isStream ? bytes : bytes.subarray(4)).toString('hex');
  return { reply: reply === '' ? null : reply, closed: wasClosed };
}

const vectors = JSON.parse(await text(process.stdin)) as Vector[];
const answers: Answer[] = [];
for (const vector of vectors) {
  const { transport } = vector;
  answers.push(
    transport === 'udp' || transport === 'udp6' ? await overUdp(vector, transport) : await overStream(vector),
  );
}
process.stdout.write(JSON.stringify(answers));
