/**
 * Compares the doctor's rules of conflicting sockets with bind(2) and listen(2). This file is also the program that
 * does so, in the network of a sandbox: it creates sockets in every state, and requests their ports in every way.
 */

import assert from 'node:assert/strict';
import { formatIp, isWildcard, parseIp } from '../../src/base/address.ts';
import type { OpenSocket, SocketState } from '../../src/base/open-socket.ts';
import type { Protocol } from '../../src/base/port.ts';
import { type HiddenOption, predictBind } from '../../src/doctor/core/explain/bind-conflict.ts';
import {
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../../src/host/linux/sys/constants.ts';
import { errno, errnoName, sys } from '../../src/host/linux/sys/libc.ts';
import { NativeBuffer } from '../../src/host/linux/sys/memory.ts';
import { LinuxOpenSockets } from '../../src/sockets/linux/open-sockets.ts';
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr } from '../../src/wire/sockaddr.ts';
import { type Sandbox, until } from './sandbox.ts';

/** What the program found. */
export interface MatrixReport {
  /** How many binds there were for each answer of the rules, and for each state of the conflicting socket. */
  readonly answers: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  /** Where the kernel disagrees with the rules. */
  readonly wrong: readonly string[];
}

/** Runs the program in a sandbox. */
export async function bindMatrix(sandbox: Sandbox): Promise<MatrixReport> {
  const argv = [process.execPath, import.meta.filename];
  const { code, stdout, stderr } = await sandbox.run(argv, { timeout: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

/** <asm-generic/socket.h> */
const SO_REUSEPORT = 15;
const SO_LINGER = 13;
const SERVER_PORT = 7000;
const OTHER_UID = 1000;

type Options = readonly HiddenOption[];

interface Made {
  readonly fd: number;
  readonly protocol: Protocol;
  readonly port: number;
  readonly options: Options;
  /** What to close with it. */
  readonly others: readonly number[];
  /** The state to wait for. */
  readonly state: SocketState;
}

function must(result: number, call: string): number {
  if (result < 0) throw new Error(`${call}: ${errnoName(errno())}`);
  return result;
}

function flag(fd: number, level: number, name: number, value: number): void {
  const buffer = new NativeBuffer(4);
  buffer.view.setInt32(0, value, true);
  must(sys.setsockopt(fd, level, name, buffer.address, 4), 'setsockopt');
}

function open(protocol: Protocol, address: string, options: Options, flags = 0): number {
  const isV6 = address.includes(':');
  const type = protocol === 'tcp' ? SOCK_STREAM : SOCK_DGRAM;
  const fd = must(sys.socket(isV6 ? AF_INET6 : AF_INET, type | flags, 0), 'socket');
  if (isV6) flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.includes('IPV6_V6ONLY') ? 1 : 0);
  if (options.includes('SO_REUSEADDR')) flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.includes('SO_REUSEPORT')) flag(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  return fd;
}

function withAddress(address: string, port: number, call: (at: number, length: number) => number): number {
  const ip = parseIp(address) ?? assert.fail(address);
  const given = encodeSockaddr({ address: ip, port });
  const buffer = new NativeBuffer(given.length);
  buffer.u8.set(given);
  return call(buffer.address, given.length);
}

const bind = (fd: number, address: string, port: number) =>
  withAddress(address, port, (at, length) => sys.bind(fd, at, length));
const connect = (fd: number, address: string, port: number) =>
  withAddress(address, port, (at, length) => sys.connect(fd, at, length));

function portOf(fd: number): number {
  const name = new NativeBuffer(28);
  const length = new NativeBuffer(4);
  length.view.setUint32(0, 28, true);
  must(sys.getsockname(fd, name.address, length.address), 'getsockname');
  return decodeSockaddr(name.u8)?.port ?? assert.fail('no name');
}

/** A port that was never used. */
let unused = 20_000;

/** How bind(2) to an IPv6 address of the host changes a socket. */
function effective(address: string, options: Options): Options {
  const ip = parseIp(address) ?? assert.fail(address);
  const isOne = ip.family === 6 && !isWildcard(ip) && !address.startsWith('::ffff:');
  return isOne ? [...options, 'IPV6_V6ONLY'] : options;
}

function boundSocket(protocol: Protocol, address: string, options: Options, listens: boolean): Made {
  const port = unused++;
  const fd = open(protocol, address, options);
  must(bind(fd, address, port), 'bind');
  if (listens) must(sys.listen(fd, 8), 'listen');
  const state = protocol === 'udp' ? 'UNCONNECTED' : listens ? 'LISTEN' : 'BOUND';
  return { fd, protocol, port, options: effective(address, options), others: [], state };
}

/** A client of a server on that address, whose port the kernel chose, or that was bound before. */
function client(to: string, options: Options, boundTo: string | undefined) {
  const server = open('tcp', to, ['SO_REUSEADDR']);
  must(bind(server, to, SERVER_PORT), 'bind');
  must(sys.listen(server, 8), 'listen');
  const fd = open('tcp', to, options);
  if (boundTo !== undefined) must(bind(fd, boundTo, unused++), 'bind');
  must(connect(fd, to, SERVER_PORT), 'connect');
  const accepted = must(sys.accept4(server, 0, 0, 0), 'accept');
  sys.close(server);
  const has = boundTo === undefined ? options : effective(boundTo, options);
  return { fd, accepted, port: portOf(fd), options: has };
}

type Ending = 'ESTABLISHED' | 'TIME_WAIT' | 'FIN_WAIT2' | 'CLOSE_WAIT';

function connected(ending: Ending, to: string, options: Options, boundTo?: string): Made {
  const { fd, accepted, port, options: has } = client(to, options, boundTo);
  const made = { fd, protocol: 'tcp' as const, port, options: has, others: [accepted], state: ending };
  if (ending === 'CLOSE_WAIT') {
    sys.close(accepted);
    return { ...made, others: [] };
  }
  if (ending === 'ESTABLISHED') return made;
  sys.close(fd);
  if (ending === 'TIME_WAIT') sys.close(accepted);
  return { ...made, fd: accepted, others: [] };
}

/** An accepted connection of a listener that is gone. */
function acceptedSocket(address: string, to: string, options: Options): Made {
  const port = unused++;
  const listener = open('tcp', address, options);
  must(bind(listener, address, port), 'bind');
  must(sys.listen(listener, 8), 'listen');
  const peer = open('tcp', to, []);
  must(connect(peer, to, port), 'connect');
  const fd = must(sys.accept4(listener, 0, 0, 0), 'accept');
  sys.close(listener);
  return {
    fd,
    protocol: 'tcp',
    port,
    options: effective(address, options),
    others: [peer],
    state: 'ESTABLISHED',
  };
}

/** A client of a server whose queue is full. */
function synSent(options: Options): Made {
  const server = open('tcp', '127.0.0.1', ['SO_REUSEADDR']);
  must(bind(server, '127.0.0.1', SERVER_PORT + 1), 'bind');
  must(sys.listen(server, 0), 'listen');
  const queued = open('tcp', '127.0.0.1', []);
  must(connect(queued, '127.0.0.1', SERVER_PORT + 1), 'connect');
  const fd = open('tcp', '127.0.0.1', options, SOCK_NONBLOCK);
  connect(fd, '127.0.0.1', SERVER_PORT + 1);
  return { fd, protocol: 'tcp', port: portOf(fd), options, others: [queued, server], state: 'SYN_SENT' };
}

function udpClient(to: string, options: Options, boundTo?: string): Made {
  const fd = open('udp', to, options);
  if (boundTo !== undefined) must(bind(fd, boundTo, unused++), 'bind');
  must(connect(fd, to, SERVER_PORT), 'connect');
  const has = boundTo === undefined ? options : effective(boundTo, options);
  return { fd, protocol: 'udp', port: portOf(fd), options: has, others: [], state: 'ESTABLISHED' };
}

const ADDRESSES = ['0.0.0.0', '127.0.0.1', '127.0.0.2', '::', '::1', '::ffff:127.0.0.1'];
const SHARING: readonly Options[] = [
  [],
  ['SO_REUSEADDR'],
  ['SO_REUSEPORT'],
  ['SO_REUSEADDR', 'SO_REUSEPORT'],
];

function* holders(): Generator<() => Made> {
  for (const options of SHARING) {
    const only: Options = [...options, 'IPV6_V6ONLY'];
    for (const address of ADDRESSES) {
      yield () => boundSocket('tcp', address, options, true);
      yield () => boundSocket('tcp', address, options, false);
      yield () => boundSocket('udp', address, options, false);
    }
    yield () => boundSocket('tcp', '::', only, true);
    yield () => boundSocket('tcp', '::', only, false);
    yield () => boundSocket('udp', '::', only, false);
    for (const to of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      for (const ending of ['ESTABLISHED', 'TIME_WAIT', 'FIN_WAIT2', 'CLOSE_WAIT'] as const) {
        yield () => connected(ending, to, options);
      }
      yield () => connected('TIME_WAIT', to, options, to);
      yield () => connected('ESTABLISHED', to, options, to.includes(':') ? '::' : '0.0.0.0');
      yield () => udpClient(to, options);
      yield () => udpClient(to, options, to);
      yield () => acceptedSocket(to.includes(':') ? '::' : '0.0.0.0', to, options);
    }
    yield () => connected('ESTABLISHED', '::1', only);
    yield () => acceptedSocket('::', '127.0.0.1', options);
    yield () => acceptedSocket('::1', '::1', options);
    yield () => synSent(options);
  }
}

/** Binds and listens; returns the errno's name. */
function attempt({ protocol, port }: Made, address: string, options: Options, uid: number) {
  process.seteuid?.(uid);
  const fd = open(protocol, address, options);
  process.seteuid?.(0);
  try {
    if (bind(fd, address, port) < 0) return errnoName(errno());
    if (protocol === 'tcp' && sys.listen(fd, 8) < 0) return errnoName(errno());
    return 'free';
  } finally {
    sys.close(fd);
  }
}

class Comparison {
  readonly answers: Record<string, number> = {};
  readonly states: Record<string, number> = {};
  readonly wrong: string[] = [];

  compare(made: Made, sockets: readonly OpenSocket[], address: string, options: Options, uid: number): void {
    const found = attempt(made, address, options, uid);
    const outcome = predictBind(sockets, {
      protocol: made.protocol,
      address: parseIp(address) ?? assert.fail(address),
      v6Only: options.includes('IPV6_V6ONLY'),
      reuseAddress: options.includes('SO_REUSEADDR'),
      reusePort: options.includes('SO_REUSEPORT'),
      uid,
    });
    const isFree = outcome.conflicts.every(({ holder, unless }) =>
      unless.some((option) => has(made, holder, option, uid)),
    );
    const [{ state, local } = assert.fail('no socket')] = sockets;
    this.answers[outcome.answer] = (this.answers[outcome.answer] ?? 0) + 1;
    this.states[state] = (this.states[state] ?? 0) + 1;
    if (found === (isFree ? 'free' : 'EADDRINUSE')) return;
    const holder = `${made.protocol} ${state} ${formatIp(local.address)} ${made.options.join('+')}`;
    this.wrong.push(
      `${holder}; wanted ${address} ${options.join('+')} as ${uid}: ${outcome.answer}, found ${found}`,
    );
  }
}

/**
 * SO_REUSEPORT applies to sockets of one user. A waiting socket does not have it: in TIME_WAIT, and in FIN_WAIT2 after
 * the process has closed it (tcp_time_wait() of net/ipv4/tcp_minisocks.c).
 */
function has({ options }: Made, { inode }: OpenSocket, option: HiddenOption, uid: number): boolean {
  if (!options.includes(option)) return false;
  return option !== 'SO_REUSEPORT' || uid === 0 || inode === 0;
}

/** Closes without TIME_WAIT. */
function release({ fd, others }: Made): void {
  const linger = new NativeBuffer(8);
  linger.view.setInt32(0, 1, true);
  for (const one of [fd, ...others]) {
    sys.setsockopt(one, SOL_SOCKET, SO_LINGER, linger.address, 8);
    sys.close(one);
  }
}

async function main(): Promise<void> {
  const table = new LinuxOpenSockets();
  const comparison = new Comparison();
  for (const make of holders()) {
    const made = make();
    const list = () => table.list({ protocol: made.protocol, port: made.port });
    const isOf = ({ remote }: OpenSocket) => remote?.port !== made.port;
    const sockets = await until('the socket to be listed', () => {
      const seen = list().filter(isOf);
      return seen.length === 1 && seen[0]?.state === made.state && seen;
    });
    for (const address of ['0.0.0.0', '127.0.0.1', '127.0.0.3', '::', '::1', '::ffff:127.0.0.1']) {
      for (const options of SHARING) {
        for (const uid of options.includes('SO_REUSEPORT') ? [0, OTHER_UID] : [0]) {
          comparison.compare(made, sockets, address, options, uid);
          if (address === '::') comparison.compare(made, sockets, address, [...options, 'IPV6_V6ONLY'], uid);
        }
      }
    }
    release(made);
  }
  const { answers, states, wrong } = comparison;
  console.log(JSON.stringify({ answers, states, wrong } satisfies MatrixReport));
}

if (import.meta.main) await main();
