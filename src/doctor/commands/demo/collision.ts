// The acts of the collision: a client keeps a server from its port and nothing shows it; then the port is reserved.
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
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

/** How an act is played. */
export interface Act {
  /** The connections that are made while the port is reserved. */
  readonly connections: number;
  /** The width of the terminal; null where there is none. */
  readonly columns: number | null;
}

/** The ports for clients: few, so that what takes a busy host days takes a moment. */
const RANGE = { first: 40_000, last: 40_063 };
const RANGE_PORTS = RANGE.last - RANGE.first + 1;
/** The port that a server wants. */
const WANTED = 40_030;
/** What the clients connect to. */
const SERVER_PORT = 7000;
const HOST = '127.0.0.1';

const CLIENT = fileURLToPath(new URL(`./client${extname(import.meta.filename)}`, import.meta.url));
/** Runs without a reservation. */
const CONTROL_RUNS = 5;
/** Connections that are made at a time; there are 63 ports for them. */
const AT_ONCE = 16;
const COMMAND_MS = 10_000;

const RESERVED_PORTS = 'net.ipv4.ip_local_reserved_ports';
const PORT_RANGE = 'net.ipv4.ip_local_port_range';
const STATEMENT = `PORT ${WANTED} TCP DEMO`;

/** A client has the port, then nobody has it, and no server gets it. Gives whether all of it came so. */
export async function mystery(io: Io): Promise<boolean> {
  narrowRange(io);
  const server = await startServer(SERVER_PORT, HOST);
  const client = fork(CLIENT, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  try {
    const order: ClientOrder = { wanted: WANTED, port: SERVER_PORT, host: HOST, max: RANGE_PORTS };
    client.send(order);
    const [answer]: (ClientAnswer | undefined)[] = await once(client, 'message');
    if (!answer || answer.connections === null) return false;
    say(io, `A client connects to a server on port ${SERVER_PORT}. The kernel chooses its port: ${WANTED}.`);
    const isTaken = await tryListening(io);
    say(io, 'Who has it? Nobody listens there:');
    await show(io, ['ss', '-ltn']);
    await explain(io);
    client.send('end' satisfies ClientOrder);
    await once(client, 'exit');
    say(io, 'The client ends its connection, and itself:');
    const isStillTaken = await tryListening(io);
    await explain(io);
    return isTaken && isStillTaken;
  } finally {
    client.kill('SIGKILL');
    server.close();
  }
}

/** Clients are given the port until it is reserved, and never after that. Gives whether all of it came so. */
export async function cure({ connections }: Act, io: Io): Promise<boolean> {
  narrowRange(io);
  const server = await startServer(SERVER_PORT, HOST);
  try {
    say(io, `Without a reservation clients get port ${WANTED} sooner or later:`);
    const hits: (Hit | undefined)[] = [];
    for (let run = 1; run <= CONTROL_RUNS; run++) {
      const hit = await connectUntil(WANTED, SERVER_PORT, HOST, RANGE_PORTS);
      if (hit) await reset(hit.socket);
      hits.push(hit);
      io.out(`  run ${run}: ${hit ? `connection ${hit.connections} has it` : 'no connection has it'}\n`);
    }
    reserve(io);
    const given = await countPorts(connections);
    const times = given.get(WANTED) ?? 0;
    const never = times === 0 ? `${WANTED} is none of them` : `${WANTED} ${times} times`;
    say(io, `${connections} connections got ${given.size} different ports: ${never}.`);
    const isFree = !(await tryListening(io));
    return hits.every((hit) => hit !== undefined) && times === 0 && isFree;
  } finally {
    server.close();
  }
}

function narrowRange(io: Io): void {
  linuxSysctls.write(PORT_RANGE, `${RANGE.first}\t${RANGE.last}`);
  say(io, `In a network of its own, with ${RANGE_PORTS} ports for clients:`);
  showSetting(io, PORT_RANGE);
}

/** Reserves the port as the guard does for a profile. */
function reserve(io: Io): void {
  say(io, 'With this statement in a profile, the guard keeps the port from clients:');
  io.out(`  ${STATEMENT}\n`);
  const text = { path: 'profile.tcpip', text: `${STATEMENT}\n` };
  const { profile } = replayProfile([text], { zosNames: false, symbols: {} });
  // Nothing has to be put back: the settings go with the namespace.
  new SysctlKeeper({ sysctls: linuxSysctls, record: { read: () => [], write: () => {} } }).apply(profile);
  showSetting(io, RESERVED_PORTS);
}

/** Which ports clients were given, and how often each. */
async function countPorts(connections: number): Promise<Map<number, number>> {
  const given = new Map<number, number>();
  let left = connections;
  const work = async () => {
    while (left > 0) {
      left--;
      const socket = await connectTo(SERVER_PORT, HOST);
      const { localPort } = socket;
      if (localPort === undefined) throw new PortreeveError('DEMO_PORT', 'a connection without a port');
      given.set(localPort, (given.get(localPort) ?? 0) + 1);
      await reset(socket);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return given;
}

/** Starts a server on the port, if it can be; gives whether it cannot. */
async function tryListening(io: Io): Promise<boolean> {
  const problem = await tryToListen(WANTED, '0.0.0.0');
  say(io, `A server on port ${WANTED}: ${problem ?? 'it listens'}`);
  return problem === 'EADDRINUSE';
}

async function explain(io: Io): Promise<void> {
  say(io, `$ portreeve explain ${WANTED}/tcp`);
  await explainCommand([`${WANTED}/tcp`], {}, io);
}

function showSetting(io: Io, name: string): void {
  io.out(`  ${name} = ${linuxSysctls.read(name)?.replaceAll('\t', ' ')}\n`);
}

/** Runs a command that may not be there, and shows what it prints. */
async function show(io: Io, argv: readonly string[]): Promise<void> {
  say(io, `$ ${argv.join(' ')}`);
  const [command = '', ...args] = argv;
  const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_MS }).catch(
    (thrown: Error) => ({ stdout: `${thrown.message}\n` }),
  );
  io.out(stdout);
}

function say(io: Io, text: string): void {
  io.out(`\n${emphasize(io, text)}\n`);
}
