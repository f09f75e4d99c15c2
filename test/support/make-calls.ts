/** A program that root runs in a sandbox: calls the port mapper as the given users, and prints the answers. */

import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { bytesOf } from '../../src/base/bytes.ts';
import { PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { encodeRecord, RECORD_MARK_BYTES } from '../../src/portmap/wire/record.ts';
import { readReply, writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeRpcb, RPCBIND_VERSION_4, RPCBPROC } from '../../src/portmap/wire/rpcbind.ts';
import { encodeXdr, XdrReader } from '../../src/portmap/wire/xdr.ts';
import type { Call, OtherSocket } from './calls.ts';

const PORT = 111;
const SOCKET = '/run/rpcbind.sock';
const LOOPBACK = { udp: '127.0.0.1', tcp: '127.0.0.1', udp6: '::1', tcp6: '::1' } as const;
const XID = 1;
/** The earliest time at which libraries retransmit. */
const AGAIN_MS = 400;
/** An accepted reply: xid, direction, status, verifier, status (RFC 5531 section 9), and a boolean. */
const REPLY_BYTES = 28;

/** The creator of an IP socket is its owner; the uid of a Unix socket is that of the process that connects it. */
async function as<T>(uid: number, work: () => Promise<T>): Promise<T> {
  process.seteuid?.(uid);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

function request({ procedure, entry }: Call): Uint8Array {
  return encodeXdr((writer) => {
    const number = procedure === 'set' ? RPCBPROC.SET : RPCBPROC.UNSET;
    writeCall(writer, { xid: XID, program: PORTMAP_PROGRAM, version: RPCBIND_VERSION_4, procedure: number });
    encodeRpcb(writer, { ...entry, owner: '' });
  });
}

function answerOf(reply: Uint8Array): boolean {
  const reader = new XdrReader(bytesOf(reply));
  const { outcome } = readReply(reader);
  if (outcome !== 'success') throw new Error(`the port mapper answered ${outcome}`);
  return reader.bool();
}

async function datagramSocket(netid: 'udp' | 'udp6', address: string, port: number): Promise<DatagramSocket> {
  const socket = createSocket({ type: netid === 'udp' ? 'udp4' : 'udp6', reuseAddr: true });
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

async function overUdp(call: Call, netid: 'udp' | 'udp6'): Promise<boolean | null> {
  const host = LOOPBACK[netid];
  const socket = await as(call.socketOf ?? call.uid, () => datagramSocket(netid, host, call.fromPort ?? 0));
  const answered = once(socket, 'message');
  const send = () => as(call.uid, () => new Promise((sent) => socket.send(request(call), PORT, host, sent)));
  await send();
  // A change that waited too long to determine its sender is not answered, and is to be sent again.
  const again = setInterval(() => void send(), AGAIN_MS);
  const reply = call.isImpatient ? undefined : (await answered)[0];
  clearInterval(again);
  socket.close();
  return reply ? answerOf(reply) : null;
}

function connect({ via, fromPort }: Call): Socket {
  if (via === 'local') return createConnection(SOCKET);
  const host = via === 'tcp' ? LOOPBACK.tcp : LOOPBACK.tcp6;
  return createConnection({ host, port: PORT, localAddress: host, ...(fromPort && { localPort: fromPort }) });
}

async function overStream(call: Call): Promise<boolean | null> {
  const socket = await as(call.socketOf ?? call.uid, async () => {
    const connecting = connect(call);
    await once(connecting, 'connect');
    return connecting;
  });
  socket.write(encodeRecord(request(call)));
  if (call.isImpatient) {
    socket.destroy();
    return null;
  }
  let reply = Buffer.alloc(0);
  while (reply.length < RECORD_MARK_BYTES + REPLY_BYTES) {
    reply = Buffer.concat([reply, (await once(socket, 'data'))[0]]);
  }
  // A connection that is reset does not keep its port in TIME_WAIT.
  if (call.via === 'local') socket.destroy();
  else socket.resetAndDestroy();
  return answerOf(reply.subarray(RECORD_MARK_BYTES));
}

/** Opens a socket; returns a function that closes it. */
async function open({ netid, uid, address, port }: OtherSocket): Promise<() => void> {
  return as(uid, async () => {
    if (netid === 'udp' || netid === 'udp6') {
      const socket = await datagramSocket(netid, address, port);
      return () => socket.close();
    }
    const server = createServer().listen(port, address);
    await once(server, 'listening');
    return () => server.close();
  });
}

async function make(call: Call): Promise<boolean | null> {
  const { via, others = [] } = call;
  const closers: (() => void)[] = [];
  for (const socket of others) closers.push(await open(socket));
  const answer = via === 'udp' || via === 'udp6' ? await overUdp(call, via) : await overStream(call);
  for (const close of closers) close();
  return answer;
}

const calls: Call[] = JSON.parse(await text(process.stdin));
const answers: (boolean | null)[] = [];
for (const call of calls) answers.push(await make(call));
process.stdout.write(JSON.stringify(answers));
