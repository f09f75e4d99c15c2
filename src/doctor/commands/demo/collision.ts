// The two parts of the collision demonstration: a client takes the port of a server unnoticed; then the port is
// reserved.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { PortreeveError } from '../../../base/errors.ts';
import { SysctlKeeper } from '../../../guard/app/sysctl-keeper.ts';
import { linuxSysctls } from '../../../host/linux/sysctls.ts';
import type { Io } from '../../../kit/io.ts';
import { emphasize } from '../../../kit/text.ts';
import { replayProfile } from '../../../profile/app/load.ts';
import { explainCommand } from '../explain.ts';
import type { ClientAnswer, ClientOrder } from './client.ts';
import { connectTo, connectUntil, type Hit, reset, startServer, tryToListen } from './connections.ts';

export interface PartOptions {
  /** The number of connections while the port is reserved. */
  readonly connections: number;
  /** The width of the terminal; null without one. */
  readonly columns: number | null;
}

/** A small ephemeral range, so that a collision that takes days on a busy host happens immediately. */
const RANGE = { first: 40_000, last: 40_063 };
const RANGE_PORTS = RANGE.last - RANGE.first + 1;
/** The port of the server that fails to start. */
const WANTED = 40_030;
/** The port to which the clients connect. */
const SERVER_PORT = 7000;
const HOST = '127.0.0.1';

const CLIENT = join(import.meta.dirname, `client${extname(import.meta.filename)}`);
/** The number of runs without a reservation. */
const CONTROL_RUNS = 5;
/** The number of parallel connections, for which 63 ports are available. */
const PARALLEL = 16;
const COMMAND_MS = 10_000;

const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';
const PORT_RANGE = 'net.ipv4.ip_local_port_range';
const STATEMENT = `PORT ${WANTED} TCP DEMO`;

/** A client is assigned the port and keeps a server from starting. Returns whether that went as expected. */
export async function collide(io: Io): Promise<boolean> {
  narrowRange(io);
  const server = await startServer(SERVER_PORT, HOST);
  const client = fork(CLIENT, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const order: ClientOrder = { wanted: WANTED, port: SERVER_PORT, host: HOST, max: RANGE_PORTS };
    client.send(order);
    const [answer]: (ClientAnswer | undefined)[] = await once(client, 'message');
    if (!answer || answer.connections === null) return false;
    print(
      io,
      `A client connects to port ${SERVER_PORT}. The kernel assigns it the ephemeral port ${WANTED}.`,
    );
    const isInUse = await tryListening(io);
    print(io, 'No socket listens on the port:');
    await show(io, ['ss', '-ltn']);
    await explain(io);
    client.send('end' satisfies ClientOrder);
    await once(client, 'exit');
    print(io, 'The client closes its connection and exits.');
    const isStillInUse = await tryListening(io);
    await explain(io);
    return isInUse && isStillInUse;
  } finally {
    client.kill('SIGKILL');
    server.close();
  }
}

/** Clients are assigned the port until it is reserved, and never after. Returns whether that went as expected. */
export async function reservePort({ connections }: PartOptions, io: Io): Promise<boolean> {
  narrowRange(io);
  const server = await startServer(SERVER_PORT, HOST);
  try {
    print(io, `Without a reservation, a client is assigned port ${WANTED} sooner or later:`);
    const hits: (Hit | undefined)[] = [];
    for (let run = 1; run <= CONTROL_RUNS; run++) {
      const hit = await connectUntil(WANTED, SERVER_PORT, HOST, RANGE_PORTS);
      if (hit) await reset(hit.socket);
      hits.push(hit);
      io.out(`  run ${run}: ${hit ? `connection ${hit.connections}` : 'no connection'}\n`);
    }
    reserve(io);
    const assigned = await countPorts(connections);
    const times = assigned.get(WANTED) ?? 0;
    const count = times === 0 ? 'never' : `${times} times`;
    print(
      io,
      `${connections} connections were assigned ${assigned.size} different ports, ${WANTED} ${count}.`,
    );
    const isFree = !(await tryListening(io));
    return hits.every((hit) => hit !== undefined) && times === 0 && isFree;
  } finally {
    server.close();
  }
}

function narrowRange(io: Io): void {
  linuxSysctls.write(PORT_RANGE, `${RANGE.first}\t${RANGE.last}`);
  print(io, `In a new network namespace, with ${RANGE_PORTS} ephemeral ports:`);
  showSetting(io, PORT_RANGE);
}

/** Reserves the port as the guard does for a profile. */
function reserve(io: Io): void {
  print(io, 'With this statement in a profile, the guard reserves the port:');
  io.out(`  ${STATEMENT}\n`);
  const text = { path: 'profile.tcpip', text: `${STATEMENT}\n` };
  const { profile } = replayProfile([text], { zosNames: false, symbols: {} });
  // No record is needed: the settings disappear with the namespace.
  new SysctlKeeper({ sysctls: linuxSysctls, record: { read: () => [], write: () => {} } }).apply(profile);
  showSetting(io, RESERVED_PORTS);
}

/** The ports that clients are assigned, with the number of times. */
async function countPorts(connections: number): Promise<Map<number, number>> {
  const assigned = new Map<number, number>();
  let left = connections;
  const work = async () => {
    while (left > 0) {
      left--;
      const socket = await connectTo(SERVER_PORT, HOST);
      const { localPort } = socket;
      if (localPort === undefined) throw new PortreeveError('DEMO_PORT', 'a connection without a port');
      assigned.set(localPort, (assigned.get(localPort) ?? 0) + 1);
      await reset(socket);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return assigned;
}

/** Tries to start a server on the port. Returns whether the port is in use. */
async function tryListening(io: Io): Promise<boolean> {
  const problem = await tryToListen(WANTED, '0.0.0.0');
  print(io, `A server on port ${WANTED}: ${problem ?? 'listens'}`);
  return problem === 'EADDRINUSE';
}

async function explain(io: Io): Promise<void> {
  print(io, `$ portreeve explain ${WANTED}/tcp`);
  await explainCommand([`${WANTED}/tcp`], {}, io);
}

function showSetting(io: Io, name: string): void {
  io.out(`  ${name} = ${linuxSysctls.read(name)?.replaceAll('\t', ' ')}\n`);
}

/** Runs a command, which may not be installed, and shows its output. */
async function show(io: Io, argv: readonly string[]): Promise<void> {
  print(io, `$ ${argv.join(' ')}`);
  const [command = '', ...args] = argv;
  const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_MS }).catch(
    (thrown: Error) => ({ stdout: `${thrown.message}\n` }),
  );
  io.out(stdout);
}

function print(io: Io, text: string): void {
  io.out(`\n${emphasize(io, text)}\n`);
}
