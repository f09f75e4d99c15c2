/**
 * The program that opens sockets for the tests of the doctor on the real kernel. It reads its task as JSON from
 * standard input, so that its command line contains no port, prints that it is ready, and keeps running.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { AF_INET, SOCK_STREAM } from '../../../src/host/linux/sys/constants.ts';
import { must } from '../../../src/host/linux/sys/epoll.ts';
import { sys } from '../../../src/host/linux/sys/libc.ts';
import { NativeBuffer } from '../../../src/host/linux/sys/memory.ts';
import { encodeSockaddr } from '../../../src/wire/sockaddr.ts';
import { end } from './snapshots.ts';

export type AgentSocket =
  | { readonly do: 'listen' | 'udp' | 'bind'; readonly at: string; readonly v6Only?: boolean }
  /** A client; `close`: it closes first, which leaves its port in TIME_WAIT. */
  | {
      readonly do: 'connect';
      readonly to: string;
      readonly from?: number;
      readonly close?: boolean;
      readonly times?: number;
    };

async function listen(at: string, v6Only = false): Promise<void> {
  const { host, port } = place(at);
  const server = createServer({ allowHalfOpen: false });
  server.listen({ host, port, ipv6Only: v6Only, backlog: 511 });
  await once(server, 'listening');
}

async function udp(at: string, v6Only = false): Promise<void> {
  const { host, port } = place(at);
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: v6Only });
  socket.bind(port, host);
  await once(socket, 'listening');
}

/** Binds without listening, for which Node.js has no function. */
function bind(at: string): void {
  const fd = must(sys.socket(AF_INET, SOCK_STREAM, 0), 'socket');
  const bytes = encodeSockaddr(end(at));
  const buffer = new NativeBuffer(bytes.length);
  buffer.u8.set(bytes);
  must(sys.bind(fd, buffer.address, bytes.length), 'bind');
}

async function client(to: string, from: number | undefined, isClosed: boolean): Promise<void> {
  const { host, port } = place(to);
  const socket = connect({ host, port, ...(from === undefined ? {} : { localPort: from }) });
  await once(socket, 'connect');
  if (!isClosed) return;
  // The client closes first, and waits until the server has also closed.
  socket.resume().end();
  await once(socket, 'close');
}

function place(text: string): { readonly host: string; readonly port: number } {
  const [, v6, v4] = /^(?:\[(.*)\]|(.*)):[0-9]+$/.exec(text) ?? [];
  return { host: v6 ?? v4 ?? '', port: end(text).port };
}

if (import.meta.main) {
  const sockets: readonly AgentSocket[] = JSON.parse(await text(process.stdin));
  for (const socket of sockets) {
    if (socket.do === 'connect') {
      const { to, from, close = false, times = 1 } = socket;
      for (let time = 0; time < times; time++) await client(to, from, close);
    } else if (socket.do === 'listen') await listen(socket.at, socket.v6Only);
    else if (socket.do === 'udp') await udp(socket.at, socket.v6Only);
    else bind(socket.at);
  }
  console.log('ready');
  setInterval(() => undefined, 60_000);
}
