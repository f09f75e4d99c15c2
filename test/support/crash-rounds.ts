/**
 * Kills the port mapper repeatedly while eight clients register and unregister, and compares the restored registrations
 * with the acknowledged ones: a program that root runs in a sandbox. `crash-rounds.ts SEED ROUNDS` prints a line
 * for each round.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { PID_MAX } from '../../src/base/limits.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { readStatus } from '../../src/kit/daemon-client.ts';
import type { DaemonStatus } from '../../src/main/status.ts';
import { RpcError } from '../../src/portmap/client/errors.ts';
import {
  type NewEntry,
  Portmap,
  type PortmapEntry,
  type PortmapTarget,
} from '../../src/portmap/client/portmap.ts';
import { decodeLogHeader, LOG_HEADER_BYTES } from '../../src/portmap/wire/registration-log.ts';
import { portSuffix } from '../../src/wire/uaddr.ts';
import type { Round, Target } from './crash.ts';
import { CrashClient, type Fate } from './crash-client.ts';
import { PORTREEVE } from './daemon.ts';
import { until } from './sandbox.ts';
import { SimRandom } from './sim/random.ts';

const STATUS_SOCKET = '/run/portreeve/status.sock';
const DAEMON_LOG = '/run/daemon.log';
/** The number of lines to show, which have the reason why it ended. */
const LOG_LINES = 10;
/** A daemon that is killed in between resets the delay of restarts, which grows. */
const TARGETS: readonly Target[] = ['portmap', 'daemon', 'restarted portmap', 'both'];
/** In one round of COMPACTION_EVERY, the load continues until the log has been rewritten. */
const COMPACTION_EVERY = 50;
const COMPACTION_ROUND = 7;
const COMPACTION_MS = 60_000;

const WAYS: readonly PortmapTarget[] = [
  ...Array.from({ length: 3 }, () => ({ transport: 'udp', host: '127.0.0.1' }) as const),
  ...Array.from({ length: 3 }, () => ({ transport: 'tcp', host: '127.0.0.1' }) as const),
  ...Array.from({ length: 2 }, () => ({ transport: 'local', path: '/run/rpcbind.sock' }) as const),
];
const USER = 1000;
const ENTRIES_PER_CLIENT = 32;
/** Registered once and never changed: they make the table long enough that writing it takes a while. */
const PERMANENT_ENTRIES = 2000;
const FIRST_PROGRAM = 536870912;
const FIRST_PORT = 20_000;
const PORTS = 8;
const PROGRAMS_REPORTED = 8;
/** The maximum number of acknowledged changes in a round before the kill. */
const ACKNOWLEDGED_MAX = 1500;
/** The maximum delay of the kill, so that it hits the port mapper at any point of its work. */
const MOMENT_MS = 4;
/** The maximum delay before a starting process is killed. */
const START_MS = 150;

/** The sockets of all registrations; they stay open while this program runs. */
async function holdPorts(): Promise<void> {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port++) {
    await once(createSocket('udp4').bind(port, '127.0.0.1'), 'listening');
    await once(createServer().listen(port, '127.0.0.1'), 'listening');
  }
}

/** Entries with consecutive program numbers. */
function entriesFrom(program: number, count: number): NewEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    program: program + i,
    version: 1,
    netid: i % 2 === 0 ? 'udp' : 'tcp',
    address: `127.0.0.1${portSuffix(FIRST_PORT + (i % PORTS))}`,
  }));
}

/** Its output goes to a file, which is read if it ends unexpectedly. */
function startDaemon(): ChildProcess {
  return spawn(PORTREEVE, ['serve'], { stdio: ['ignore', 'ignore', openSync(DAEMON_LOG, 'w')] });
}

function daemonEnded(): Error {
  const lines = readFileSync(DAEMON_LOG, 'utf8').trimEnd().split('\n');
  return new Error(`the daemon has ended:\n${lines.slice(-LOG_LINES).join('\n')}`);
}

const hasEnded = (process: ChildProcess): boolean => process.exitCode !== null || process.signalCode !== null;

/** A child of the daemon that is not `other`. */
function childOf(daemon: ChildProcess, other: number): number | undefined {
  const children = readFileSync(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8').trim().split(' ');
  return children
    .map((text) => parseDecimal(text, PID_MAX))
    .find((pid) => pid !== undefined && pid !== other);
}

/** How often the log has been rewritten: the generation of its newer file. */
function generation(): number {
  const generations = [0, 1].map((file) => {
    const fd = openSync(`/run/portreeve/portmap.log.${file}`, 'r');
    const header = new Uint8Array(LOG_HEADER_BYTES);
    readSync(fd, header, 0, LOG_HEADER_BYTES, 0);
    closeSync(fd);
    return decodeLogHeader(header)?.generation ?? 0;
  });
  return Math.max(...generations);
}

/** The first of them. */
function programsOf(fates: readonly (readonly [NewEntry, Fate])[]): number[] {
  return fates.slice(0, PROGRAMS_REPORTED).map(([{ program }]) => program);
}

class Rounds {
  readonly #random: SimRandom;
  readonly #clients: readonly CrashClient[];
  readonly #permanent = entriesFrom(FIRST_PROGRAM, PERMANENT_ENTRIES);
  #daemon = startDaemon();
  #acknowledged = 0;
  /** Called when the number of acknowledged changes reaches `at`. */
  #alarm = { at: Number.POSITIVE_INFINITY, ring: () => {} };

  constructor(seed: number) {
    this.#random = new SimRandom(seed);
    this.#clients = WAYS.map((way, i) => {
      const entries = entriesFrom(
        FIRST_PROGRAM + PERMANENT_ENTRIES + i * ENTRIES_PER_CLIENT,
        ENTRIES_PER_CLIENT,
      );
      return new CrashClient(way, entries, new SimRandom(seed + 1 + i), () => {
        this.#acknowledged++;
        if (this.#acknowledged === this.#alarm.at) this.#alarm.ring();
      });
    });
  }

  /** Registers the permanent entries. */
  async begin(): Promise<void> {
    await this.#running();
    await using portmap = new Portmap({ transport: 'local', path: '/run/rpcbind.sock' });
    await Promise.all(this.#permanent.map((entry) => portmap.set(entry)));
    // root is not accepted over UDP: the sockets of the clients must belong to a user.
    process.seteuid?.(USER);
    await Promise.all(this.#clients.map((client) => client.reach()));
    process.seteuid?.(0);
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.close();
    this.#daemon.kill();
    await once(this.#daemon, 'exit');
  }

  async round(number: number): Promise<Round> {
    const target = TARGETS[number % TARGETS.length] ?? 'portmap';
    const { portmap } = await this.#running();
    const before = { acknowledged: this.#acknowledged, generation: generation() };
    for (const client of this.#clients) client.start();
    await this.#load(number % COMPACTION_EVERY === COMPACTION_ROUND);
    const compactions = generation() - before.generation;
    const { killedAt, unknown } = await this.#kill(target, portmap.pid ?? 0);
    const acknowledged = this.#acknowledged - before.acknowledged;
    const first = await this.#differences();
    const backAfterMs = Math.round(performance.now() - killedAt);
    for (const client of this.#clients) await client.settled();
    const second = await this.#differences();
    const lost = [...first.lost, ...second.lost];
    const unexpected = [...first.unexpected, ...second.unexpected];
    return { target, acknowledged, unknown, compactions, backAfterMs, lost, unexpected };
  }

  /** Ends at some moment between two acknowledgements, while the changes of the clients are outstanding. */
  async #load(untilRewritten: boolean): Promise<void> {
    const before = generation();
    if (untilRewritten) await until('the log to be rewritten', () => generation() > before, COMPACTION_MS);
    const at = this.#acknowledged + 1 + this.#random.integer(ACKNOWLEDGED_MAX);
    await new Promise<void>((resolve) => {
      this.#alarm = { at, ring: resolve };
    });
    await pause(this.#random.integer(MOMENT_MS));
  }

  /** Kills the target, and restarts the daemon if it was killed; the daemon restarts its own process. */
  async #kill(target: Target, portmapPid: number): Promise<{ killedAt: number; unknown: number }> {
    const daemon = this.#daemon;
    const isDaemon = target === 'daemon' || target === 'both';
    if (target !== 'daemon') process.kill(portmapPid, 'SIGKILL');
    if (isDaemon) daemon.kill('SIGKILL');
    let killedAt = performance.now();
    for (const client of this.#clients) client.pause();
    const unknown = this.#fates().filter(([, fate]) => fate === 'unknown').length;
    if (isDaemon) {
      await once(daemon, 'exit');
      this.#daemon = startDaemon();
    }
    if (target === 'restarted portmap') {
      const next = await until('the next process', () => childOf(daemon, portmapPid));
      await pause(this.#random.integer(START_MS));
      process.kill(next, 'SIGKILL');
      killedAt = performance.now();
    }
    return { killedAt, unknown };
  }

  #fates(): (readonly [NewEntry, Fate])[] {
    const permanent = this.#permanent.map((entry) => [entry, 'set'] as const);
    return [...permanent, ...this.#clients.flatMap(({ fates }) => [...fates])];
  }

  /** The programs whose presence in the list differs from the state acknowledged before the list was requested. */
  async #differences(): Promise<Pick<Round, 'lost' | 'unexpected'>> {
    for (;;) {
      const expected = this.#fates();
      const list = await this.#list();
      if (!list) continue;
      const listed = new Set(list.map(({ program, netid, address }) => `${program} ${netid} ${address}`));
      const isListed = ({ program, netid, address }: NewEntry) =>
        listed.has(`${program} ${netid} ${address}`);
      const lost = expected.filter(([entry, fate]) => fate === 'set' && !isListed(entry));
      const unexpected = expected.filter(([entry, fate]) => fate === 'unset' && isListed(entry));
      return { lost: programsOf(lost), unexpected: programsOf(unexpected) };
    }
  }

  /** The list; undefined while the port mapper does not answer. */
  async #list(): Promise<PortmapEntry[] | undefined> {
    await using portmap = new Portmap({ transport: 'tcp', host: '127.0.0.1' });
    try {
      return await portmap.dump();
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
      if (hasEnded(this.#daemon)) throw daemonEnded();
      await pause(1);
      return undefined;
    }
  }

  #running(): Promise<DaemonStatus> {
    return until('the port mapper to run', async () => {
      if (hasEnded(this.#daemon)) throw daemonEnded();
      const status = await readStatus<DaemonStatus>(STATUS_SOCKET, '/v1/status').catch(() => undefined);
      return status?.portmap.state === 'running' && status;
    });
  }
}

const [seed = 1, count = 1] = process.argv.slice(2).map((text) => parseDecimal(text, 2 ** 32 - 1));
await holdPorts();
const rounds = new Rounds(seed);
await rounds.begin();
for (let number = 0; number < count; number++) {
  process.stdout.write(`${JSON.stringify(await rounds.round(number))}\n`);
}
await rounds.end();
process.exit();
