/**
 * Measures one thing about profiles and prints it as JSON: `node bench/profile-child.ts load|format|diff|decide FILE
 * [OTHER]`. It is a process of its own, so that nothing was compiled before and no memory is another measurement's.
 */

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

/** How often it is done: the first time is cold, as the command does it. */
export const ROUNDS = 9;

/** What was done ROUNDS times. */
export interface TimesResult {
  /** In their order: the first one is cold. */
  readonly rounds: readonly { readonly ms: number }[];
  /** What came of it, for the reader: reservations, characters or differences. */
  readonly count: number;
}

/** What deciding costs in one round, in microseconds. */
export interface DecideRound {
  /** The median of batches of BATCH_CALLS, for a call. */
  readonly median: number;
  /** The 99th percentile of single calls, the clock included. */
  readonly p99: number;
  /** What the clock alone says of nothing. */
  readonly clock: number;
  /** The median with MANY_REQUESTS different ones, whose rules are not in the nearest caches. */
  readonly farMedian: number;
}

/** Deciding by one profile. */
export interface DecideResult {
  readonly rounds: readonly DecideRound[];
  readonly reservations: number;
  /** How many of the requests were answered so. */
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

/** Reading, parsing, carrying out and reporting: what `portreeve profile check` does. */
function checked(file: string): number {
  const { profile, report } = load(file);
  if (report.counts.error + report.counts.warning > 0) throw new Error(report.diagnostics[0]?.message);
  return profile.reservations.length;
}

/** Two profiles that were read before are compared. */
function compared(file: string, other: string): TimesResult {
  const [before, after] = [load(file).profile, load(other).profile];
  return timed(() => diffProfiles(before, after).length);
}

/** So many different requests are asked again and again. */
export const REQUESTS = 2048;
export const MANY_REQUESTS = 65_536;
/** Calls that are timed as one for the median, so that the clock does not count. */
export const BATCH_CALLS = 64;
/** Calls of a round, of each kind. */
const CALLS = 262_144;

const ADDRESSES = ['0.0.0.0', '::', '192.0.2.7', '2001:db8::7'].flatMap((text) => parseIp(text) ?? []);
const JOBS = Array.from({ length: JOB_NAMES }, (_, port) => jobOf(port));
const jobFor = (port: number): string => JOBS[port % JOB_NAMES] ?? jobOf(port);
const WEB = { uid: 1001, groups: [1001], lowPortCapable: false };
const OTHER = { uid: 1002, groups: [1002, 1003], lowPortCapable: false };
const ROOT = { uid: 0, groups: [0], lowPortCapable: true };

/** Requests of which as many are about reserved ports, and for a job that fits, however many reservations there are. */
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
      farMedian: batchMedian(table, many),
    }),
  ).slice(1);
  return { rounds, reservations: profile.reservations.length, reasons };
}

/** What was allowed is counted, so that nothing is left out as of no use. */
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

/** What was measured, and the processor time that this process took for it. */
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
