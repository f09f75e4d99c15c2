/** RPC servers on loopback with programmable answers, and a port mapper built from them. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { bytesOf } from '../../src/base/bytes.ts';
import type { IpTarget, LocalTarget } from '../../src/portmap/client/target.ts';
import { decodeMapping, encodeList, encodeMapping, PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { encodeRecord, gatherRecord, newRecordSpan, scanRecord } from '../../src/portmap/wire/record.ts';
import { ACCEPT, CallHead, writeAccepted, writeProgMismatch } from '../../src/portmap/wire/rpc.ts';
import { decodeRpcb, encodeRpcb, type Rpcb } from '../../src/portmap/wire/rpcbind.ts';
import { encodeXdr, XdrReader, type XdrWriter } from '../../src/portmap/wire/xdr.ts';
import { parseUaddr } from '../../src/wire/uaddr.ts';

type Ends = Pick<TestContext, 'after'>;

/** A call as a server receives it. */
export interface Received {
  readonly head: CallHead;
  /** A reader at the arguments. */
  readonly args: XdrReader;
  readonly bytes: Uint8Array;
}

/** The handler of a call; it may call `send` never, once or several times. */
export type Behaviour = (call: Received, send: (message: Uint8Array) => void, socket?: Socket) => void;

const RECORD_MAX_BYTES = 1 << 20;

function received(bytes: Uint8Array): Received {
  const head = new CallHead();
  const args = new XdrReader(bytesOf(bytes));
  head.read(args);
  return { head, args, bytes };
}

/** A message, encoded. */
export function message(write: (writer: XdrWriter) => void): Uint8Array {
  return encodeXdr(write);
}

/** The answer SUCCESS to a call, with results. */
export function success(call: Received, results: (writer: XdrWriter) => void = () => {}): Uint8Array {
  return message((writer) => {
    writeAccepted(writer, call.head.xid, ACCEPT.SUCCESS);
    results(writer);
  });
}

/** A server over UDP that ends with the test. */
export async function udpServer(t: Ends, behave: Behaviour, host = '127.0.0.1', port = 0): Promise<IpTarget> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, peer) => {
    behave(received(bytes), (answer) => socket.send(answer, peer.port, peer.address));
  });
  socket.bind(port, host);
  await once(socket, 'listening');
  t.after(() => socket.close());
  return { transport: 'udp', host, port: socket.address().port };
}

/** A server over TCP that ends with the test. */
export async function tcpServer(t: Ends, behave: Behaviour): Promise<IpTarget> {
  const server = await streamServer(t, behave, { host: '127.0.0.1', port: 0 });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { transport: 'tcp', host: '127.0.0.1', port: address.port };
}

/** A server on a Unix socket, "@" for an abstract one, that ends with the test. */
export async function localServer(t: Ends, path: string, behave: Behaviour): Promise<LocalTarget> {
  await streamServer(t, behave, { path: path.replace(/^@/, '\0') });
  return { transport: 'local', path };
}

async function streamServer(
  t: Ends,
  behave: Behaviour,
  where: { path: string } | { host: string; port: number },
) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let waiting = new Uint8Array();
    socket.on('data', (chunk) => {
      const joined = bytesOf(Buffer.concat([waiting, chunk]));
      const span = newRecordSpan();
      let at = 0;
      while (scanRecord(joined, at, joined.u8.length, RECORD_MAX_BYTES, span).state === 'whole') {
        const target = new Uint8Array(span.consumed);
        const length = gatherRecord(joined, at, target);
        at += span.consumed;
        behave(received(target.subarray(0, length)), (answer) => socket.write(encodeRecord(answer)), socket);
      }
      waiting = new Uint8Array(joined.u8.subarray(at));
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(where);
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

/** The contents of a port mapper of a test. */
export interface FakePortmap {
  /** The versions that it supports. */
  readonly versions: readonly number[];
  /** Its entries; SET adds to them and UNSET clears them. */
  readonly entries: Rpcb[];
}

/** A port mapper with the most frequently used procedures: SET, UNSET, GETPORT or GETADDR, DUMP, GETTIME. */
export function fakePortmap({ versions, entries }: FakePortmap): Behaviour {
  return (call, send) => {
    const { xid, program, version, procedure } = call.head;
    const [low, high] = [Math.min(...versions), Math.max(...versions)];
    if (program !== PORTMAP_PROGRAM)
      send(message((writer) => writeAccepted(writer, xid, ACCEPT.PROG_UNAVAIL)));
    else if (!versions.includes(version))
      send(message((writer) => writeProgMismatch(writer, xid, low, high)));
    else
      send(success(call, resultsOf(call, version === 2 ? version2(procedure) : rpcbind(procedure), entries)));
  };
}

type Procedure = (args: XdrReader, writer: XdrWriter, entries: Rpcb[]) => void;

function resultsOf(call: Received, procedure: Procedure, entries: Rpcb[]): (writer: XdrWriter) => void {
  const start = call.args.at;
  return (writer) => {
    // The codec may call it again with a larger buffer.
    call.args.at = start;
    procedure(call.args, writer, entries);
  };
}

const NETIDS_OF_PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };
const nothing: Procedure = () => {};

function version2(procedure: number): Procedure {
  const procedures: Readonly<Record<number, Procedure>> = {
    1: (args, writer, entries) => {
      const { program, version, protocol, port } = decodeMapping(args);
      const netid = NETIDS_OF_PROTOCOLS[protocol] ?? '';
      entries.push({ program, version, netid, address: `0.0.0.0.${port >> 8}.${port & 255}`, owner: '' });
      writer.bool(true);
    },
    2: unset,
    3: (args, writer, entries) => {
      const { program, protocol } = decodeMapping(args);
      const netid = NETIDS_OF_PROTOCOLS[protocol];
      const found = entries.find((entry) => entry.program === program && entry.netid === netid);
      writer.u32(parseUaddr(found?.address ?? '')?.port ?? 0);
    },
    4: (_args, writer, entries) => {
      const mappings = entries.map(({ program, version, netid, address }) => {
        return { program, version, protocol: netid === 'udp' ? 17 : 6, port: parseUaddr(address)?.port ?? 0 };
      });
      encodeList(writer, mappings, encodeMapping);
    },
  };
  return procedures[procedure] ?? nothing;
}

function rpcbind(procedure: number): Procedure {
  const procedures: Readonly<Record<number, Procedure>> = {
    1: (args, writer, entries) => {
      entries.push(decodeRpcb(args));
      writer.bool(true);
    },
    2: unset,
    3: (args, writer, entries) => {
      const { program, netid } = decodeRpcb(args);
      writer.string(
        entries.find((entry) => entry.program === program && entry.netid === netid)?.address ?? '',
      );
    },
    4: (_args, writer, entries) => encodeList(writer, entries, encodeRpcb),
    6: (_args, writer) => writer.u32(1_000_000_000),
  };
  return procedures[procedure] ?? nothing;
}

const unset: Procedure = (_args, writer, entries) => {
  entries.length = 0;
  writer.bool(true);
};
