// Measures one operation on profiles and prints the result as JSON: `node bench/profile-child.ts
// load|format|diff|decide FILE [OTHER]`. It is a separate process, so that compiled code and memory of other
// measurements have no influence.

import { parseIp } from '../src/base/address.ts';
import { PORT_MAX } from '../src/base/port.ts';
import { readBytes } from '../src/host/linux/files.ts';
import { canonicalProfile } from '../src/profile/app/format.ts';
import { type LoadedProfile, loadProfile } from '../src/profile/app/load.ts';
import { decide } from '../src/profile/core/decide.ts';
import { diffProfiles } from '../src/profile/core/diff.ts';
import { SafTable } from '../src/profile/core/saf.ts';
import { RuleTable } from '../src/profile/core/table.ts';
import type { BindRequest } from '../src/profile/core/verdict.ts';
import { parseRacf } from '../src/profile/text/racf.ts';
import { SimRandom } from '../test/support/sim/random.ts';
import { FIRST_PORT, JOB_NAMES, jobOf, RACF } from './profile-text.ts';
import { median } from './verdict.ts';

/** The number of rounds. The first one is cold, like a command. */
export const ROUNDS = 9;

/** The result of ROUNDS rounds. */
export interface TimesResult {
  /** In order: the first one is cold. */
  readonly rounds: readonly { readonly ms: number }[];
  /** The size of the result: reservations, characters or differences. */
  readonly count: number;
}

/** Times of decide() in one round, in microseconds. */
export interface DecideRound {
  /** The median of batches of BATCH_CALLS, per call. */
  readonly median: number;
  /** The 99th percentile of single calls, including the clock. */
  readonly p99: number;
  /** The time of the clock alone. */
  readonly clock: number;
  /** The median with MANY_REQUESTS different requests, whose rules are not in the nearest caches. */
  readonly uncachedMedian: number;
}

/** Results of decide() for one profile. */
export interface DecideResult {
  readonly rounds: readonly DecideRound[];
  readonly reservations: number;
  /** The number of requests per reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

const READING = { zosNames: false, symbols: { SYSNAME: 'BENCH' } };
const files = { readBytes };
const load = (file: string): LoadedProfile => loadProfile(file, files, READING);

function timed(work: () => number): TimesResult {
  const rounds: { ms: number }[] = [];
  let count = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    count = work();
    rounds.push({ ms: performance.now() - begin });
  }
  return { rounds, count };
}

/** Reads, parses, builds and reports, like `portreeve profile check`. */
function checked(file: string): number {
  const { profile, report } = load(file);
  if (report.counts.error + report.counts.warning > 0) throw new Error(report.diagnostics[0]?.message);
  return profile.reservations.length;
}

/** Compares two profiles that were read before. */
function compared(file: string, other: string): TimesResult {
  const [before, after] = [load(file).profile, load(other).profile];
  return timed(() => diffProfiles(before, after).length);
}

/** The number of different requests. */
export const REQUESTS = 2048;
export const MANY_REQUESTS = 65_536;
/** Calls timed together for the median, so that the clock has no influence. */
export const BATCH_CALLS = 64;
/** Calls per round and kind. */
const CALLS = 262_144;

const ADDRESSES = ['0.0.0.0', '::', '192.0.2.7', '2001:db8::7'].flatMap((text) => parseIp(text) ?? []);
const JOBS = Array.from({ length: JOB_NAMES }, (_, port) => jobOf(port));
const jobFor = (port: number): string => JOBS[port % JOB_NAMES] ?? jobOf(port);
const WEB = { uid: 1001, groups: [1001], lowPortCapable: false };
const OTHER = { uid: 1002, groups: [1002, 1003], lowPortCapable: false };
const ROOT = { uid: 0, groups: [0], lowPortCapable: true };

/** Requests with a constant share of reserved ports and matching jobs, whatever the number of reservations. */
function requests(count: number, endPort: number): BindRequest[] {
  const random = new SimRandom(2);
  const pick = <T>(values: readonly T[]): T => values[random.integer(values.length)] as T;
  const between = (first: number, last: number): number => first + random.integer(last - first + 1);
  return Array.from({ length: count }, (): BindRequest => {
    const kind = random.integer(100);
    const port =
      kind < 60
        ? between(FIRST_PORT, endPort - 1)
        : kind < 85
          ? between(Math.max(endPort, 1024), PORT_MAX)
          : kind < 95
            ? between(1, FIRST_PORT - 1)
            : 0;
    const job = kind < 40 ? jobFor(port) : pick(JOBS);
    const operation = kind % 10 === 9 ? 'listen' : 'bind';
    return {
      operation,
      protocol: pick(['tcp', 'udp']),
      address: pick(ADDRESSES),
      port,
      job,
      ...pick([WEB, OTHER, ROOT]),
    };
  });
}

function percentile(values: Float64Array, share: number): number {
  return values.toSorted()[Math.floor(values.length * share)] ?? 0;
}

function decided(file: string): DecideResult {
  const { profile } = load(file);
  const host = {
    accounts: [{ name: 'web', uid: WEB.uid, gid: WEB.uid }],
    groups: [],
    sysname: 'BENCH',
    tcpname: 'TCPIP',
  };
  const saf = new SafTable(parseRacf({ file: 'racf', text: RACF }).commands, host);
  const table = new RuleTable(profile, { authportJobs: ['FTPD*'], saf });
  const endPort = Math.max(...profile.reservations.slice(-10).map(({ last }) => last)) + 1;
  const [asked, many] = [requests(REQUESTS, endPort), requests(MANY_REQUESTS, endPort)];
  const reasons: Record<string, number> = {};
  for (const request of many) {
    const { reason } = decide(table, request);
    reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  const rounds = Array.from(
    { length: ROUNDS + 1 },
    (): DecideRound => ({
      median: batchMedian(table, asked),
      p99: singleP99(table, asked),
      clock: clockMedian(),
      uncachedMedian: batchMedian(table, many),
    }),
  ).slice(1);
  return { rounds, reservations: profile.reservations.length, reasons };
}

/** Allowed requests are counted, so that the calls are not optimized away. */
let allowed = 0;

function ask(table: RuleTable, request: BindRequest | undefined): void {
  if (request && decide(table, request).allowed) allowed++;
}

function batchMedian(table: RuleTable, asked: readonly BindRequest[]): number {
  const batches: number[] = [];
  for (let call = 0; call < CALLS; call += BATCH_CALLS) {
    const first = call % asked.length;
    const begin = performance.now();
    for (let i = first; i < first + BATCH_CALLS; i++) ask(table, asked[i]);
    batches.push(((performance.now() - begin) * 1000) / BATCH_CALLS);
  }
  if (allowed === 0) throw new Error('nothing was allowed');
  return median(batches);
}

function singleP99(table: RuleTable, asked: readonly BindRequest[]): number {
  const calls = new Float64Array(CALLS);
  for (let call = 0; call < CALLS; call++) {
    const request = asked[call % asked.length];
    const begin = performance.now();
    ask(table, request);
    calls[call] = (performance.now() - begin) * 1000;
  }
  return percentile(calls, 0.99);
}

function clockMedian(): number {
  const nothing = new Float64Array(CALLS);
  for (let call = 0; call < CALLS; call++) {
    const begin = performance.now();
    nothing[call] = (performance.now() - begin) * 1000;
  }
  return percentile(nothing, 0.5);
}

function measured([kind, file = '', other = '']: readonly string[]): TimesResult | DecideResult {
  if (kind === 'load') return timed(() => checked(file));
  if (kind === 'format') return timed(() => canonicalProfile(file, files, READING).text.length);
  if (kind === 'diff') return compared(file, other);
  return decided(file);
}

/** A result, and the CPU time of this process. */
export interface Measurement<Result> {
  readonly result: Result;
  readonly cpuMs: number;
}

function main(argv: readonly string[]): Measurement<TimesResult | DecideResult> {
  const result = measured(argv);
  const { user, system } = process.cpuUsage();
  return { result, cpuMs: (user + system) / 1000 };
}

if (import.meta.main) process.stdout.write(JSON.stringify(main(process.argv.slice(2))));
