/** Properties that must hold for any text that is read as a profile, and the search for a counterexample. */

import assert from 'node:assert/strict';
import { parseIp } from '../../src/base/address.ts';
import { PortreeveError } from '../../src/base/errors.ts';
import { hasWildcard, UNKNOWN_JOB } from '../../src/base/job.ts';
import { buildProfile } from '../../src/profile/core/build.ts';
import { decide } from '../../src/profile/core/decide.ts';
import { diffProfiles } from '../../src/profile/core/diff.ts';
import type { Profile } from '../../src/profile/core/rules.ts';
import { RuleTable } from '../../src/profile/core/table.ts';
import type { Reason } from '../../src/profile/core/verdict.ts';
import { decodeProfile } from '../../src/profile/text/decode.ts';
import { formatProfile } from '../../src/profile/text/format.ts';
import { type ParsedProfile, parseProfile } from '../../src/profile/text/parse.ts';
import type { Use } from '../../src/profile/text/statements.ts';
import type { Finding } from '../../src/text/source.ts';
import { processorBound } from './processor.ts';
import { includedText, randomText } from './profile-texts.ts';

const FILE = 'profile.tcpip';
const FTP_JOB = 'FTPD';
const ANY_ADDRESS = parseIp('0.0.0.0') ?? assert.fail();
const EVERYONE = { check: () => ({ permitted: true, source: undefined }) };
const SYMBOLS = { SYSNAME: 'SYS1' };

function read(text: string): ParsedProfile {
  const include = (path: string) => {
    const included = includedText(path);
    return included === undefined ? { problem: 'no such file' } : { file: path, text: included };
  };
  return parseProfile({ file: FILE, text }, { include, symbols: SYMBOLS });
}

/** Counts of what the texts exercised. */
export interface FuzzCounts {
  texts: number;
  /** Texts without errors, which were formatted and parsed again. */
  valid: number;
  /** Reservations that were decided for their jobs. */
  reservations: number;
}

/** Throws AssertionError, or any error of the code under test, if a property does not hold for this text. */
function checkText(raw: string, counts: FuzzCounts): void {
  const decoded = decode(raw);
  const text = decoded ?? raw;
  const parsed = read(text);
  const built = buildProfile(parsed.statements);
  assertPlaces([...parsed.findings, ...built.findings], text);
  const isValid = decoded !== undefined && !parsed.findings.some(({ severity }) => severity === 'error');
  if (isValid) assertFormat(parsed);
  assertDiffs(built.profile, parsed);
  assertReserved(built.profile);
  counts.texts++;
  counts.reservations += built.profile.reservations.length;
  if (isValid && parsed.statements.length > 0) counts.valid++;
}

/** The text as read from a file; undefined if it is refused. */
function decode(raw: string): string | undefined {
  try {
    return decodeProfile(new TextEncoder().encode(raw), FILE);
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind === 'refused') return undefined;
    throw thrown;
  }
}

/** Every place is within its text. */
function assertPlaces(findings: readonly Finding[], text: string): void {
  const lines = new Map([[FILE, text.split('\n')]]);
  for (const { place, related, code } of findings) {
    for (const { file, line, column, length } of related ? [place, related.place] : [place]) {
      const known = lines.get(file) ?? includedText(file)?.split('\n') ?? assert.fail(`${code} in ${file}`);
      lines.set(file, known);
      const excerpt = known[line - 1] ?? assert.fail(`${code} in line ${line} of ${known.length}`);
      const isWithin = column >= 1 && length >= 0 && column - 1 + length <= excerpt.length;
      assert.ok(isWithin, `${code} at ${line}:${column}, ${length} characters, of "${excerpt}"`);
    }
  }
}

/** Formatting keeps meaning and findings, and formatting again gives the same text. */
function assertFormat(parsed: ParsedProfile): void {
  const text = formatProfile(parsed);
  const again = read(text);
  const codes = ({ findings }: ParsedProfile) => findings.map(({ severity, code }) => `${severity} ${code}`);
  assert.deepEqual(codes(again), codes(parsed), `findings of the canonical text:\n${text}`);
  assert.deepEqual(
    withoutPlaces(again.statements),
    withoutPlaces(parsed.statements),
    `as canonical text:\n${text}`,
  );
  assert.deepEqual(commentsOf(again), commentsOf(parsed), `comments of the canonical text:\n${text}`);
  assert.equal(formatProfile(again), text);
}

/** Removes places and comments; `commentsOf` checks that all comments are kept. */
function withoutPlaces(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) =>
      ['place', 'above', 'inline'].includes(key) ? undefined : inner,
    ),
  );
}

function commentsOf({ statements, below }: ParsedProfile): string[] {
  const comments: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'above' || key === 'inline') comments.push(...inner);
      else visit(inner);
    }
  };
  visit(statements);
  return [...comments, ...below].filter((comment) => comment !== '').toSorted();
}

/** A profile does not differ from itself, and differs from the empty one only by additions. */
function assertDiffs(profile: Profile, { statements }: ParsedProfile): void {
  assert.deepEqual(diffProfiles(profile, profile), []);
  const { profile: empty } = buildProfile([]);
  assert.ok(diffProfiles(empty, profile).every(({ kind }) => kind === 'added'));
  assert.ok(diffProfiles(profile, empty).every(({ kind }) => kind === 'removed'));
  // As an obeyfile on top of itself.
  const { profile: twice } = buildProfile(statements, profile);
  diffProfiles(profile, twice);
}

/** A job that a port is reserved for may bind it. */
function assertReserved(profile: Profile): void {
  const table = new RuleTable(profile, { authportJobs: [FTP_JOB], saf: EVERYONE });
  for (const { protocol, first, last, use, source } of profile.reservations) {
    const job = matchingJob(use);
    if (job === undefined) continue;
    const reason: Reason = use.kind === 'RESERVED' ? 'RESERVED_FOR_NO_ONE' : 'RESERVED_FOR_JOB';
    for (const port of [first, last]) {
      const rest = { address: ANY_ADDRESS, uid: 1000, groups: [1000], lowPortCapable: false };
      const verdict = decide(table, { operation: 'bind', protocol, port, job, ...rest });
      assert.equal(verdict.reason, reason, `${protocol} ${port} for ${job}: ${source.text}`);
    }
  }
}

/** A job that a reservation matches, or any job for RESERVED; undefined if no named job matches. */
function matchingJob(use: Use): string | undefined {
  if (use.kind !== 'JOB') return FTP_JOB;
  const { pattern } = use;
  if (pattern === 'OMVS' || pattern === '*') return 'WEB';
  if (hasWildcard(pattern)) return pattern.replaceAll(/[*?]/g, 'X');
  return pattern === 'INTCLIEN' || pattern === UNKNOWN_JOB ? undefined : pattern;
}

/** A text is repeated to this length, and read in bounded time. */
const LONG_TEXT_CHARACTERS = 400_000;

/** Reading takes linear time: a superlinear part of a text takes too long when it is repeated. */
function checkTime(text: string): void {
  if (text.trim() === '') return;
  const long = `${text}\n`.repeat(Math.ceil(LONG_TEXT_CHARACTERS / (text.length + 1)));
  const assertBounded = processorBound();
  buildProfile(read(long).statements);
  assertBounded();
}

/** One in this many texts is also repeated. */
const LONG_EVERY = 100;

function problemOf(text: string, isLong: boolean, counts: FuzzCounts): unknown {
  try {
    checkText(text, counts);
    if (isLong) checkTime(text);
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

/** Checks one seed. Throws an error that names it, with the shortest failing text found. */
export function fuzzSeed(seed: number, counts = noCounts()): FuzzCounts {
  const text = randomText(seed);
  const isLong = seed % LONG_EVERY === 0;
  const problem = (candidate: string) => problemOf(candidate, isLong, counts);
  const thrown = problem(text);
  if (thrown === undefined) return counts;
  const shortest = shorten(text, (candidate) => problem(candidate) !== undefined);
  const cause = problem(shortest) ?? thrown;
  const message = cause instanceof Error ? cause.message : String(cause);
  const again = `npm run fuzz -- --seed ${seed}`;
  throw new Error(`seed ${seed} (${again}): ${message}\nthe text: ${JSON.stringify(shortest)}`, { cause });
}

/** Checks one seed after another until the time is over. Throws as fuzzSeed does. */
export function fuzzProfiles(firstSeed: number, ms: number): FuzzCounts {
  const until = performance.now() + ms;
  const counts = noCounts();
  for (let seed = firstSeed; performance.now() < until; seed++) fuzzSeed(seed, counts);
  return counts;
}

const noCounts = (): FuzzCounts => ({ texts: 0, valid: 0, reservations: 0 });

/** The maximum time for shortening a failing text. */
const SHORTEN_MS = 20_000;

/** Removes parts while the text still fails: halves, then quarters, down to single characters. */
function shorten(text: string, isWrong: (text: string) => boolean): string {
  const until = performance.now() + SHORTEN_MS;
  let shortest = text;
  for (let size = Math.ceil(text.length / 2); size >= 1; ) {
    const before = shortest.length;
    for (let at = 0; at < shortest.length && performance.now() < until; ) {
      const candidate = shortest.slice(0, at) + shortest.slice(at + size);
      if (isWrong(candidate)) shortest = candidate;
      else at += size;
    }
    if (size > 1) size = Math.floor(size / 2);
    else if (shortest.length === before || performance.now() > until) break;
  }
  return shortest;
}
