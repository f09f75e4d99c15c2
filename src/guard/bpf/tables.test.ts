// Tables of a profile: what a digest distinguishes, and rules that must not be confused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import type { Port } from '../../base/port.ts';
import { EMPTY_PROFILE, type Profile, type Reservation } from '../../profile/core/rules.ts';
import { JOB, ONLY_NAME, PORT, RULE } from './layout.ts';
import { compileTables, type GuardTables, type TableContext } from './tables.ts';

const CONTEXT: TableContext = {
  authportJobs: [],
  omvsJob: 'OMVS',
  permits: () => ({ uids: new Map(), everyone: false }),
  errno: 13,
  errnoLow: 98,
  unprivilegedStart: 1024,
  noDelayUs: 8000,
  revision: 1,
};

const entry = (
  port: number,
  pattern: string,
  options: Partial<Reservation['options']> = {},
): Reservation => ({
  protocol: 'tcp',
  first: port as Port,
  last: port as Port,
  use: { kind: 'JOB', pattern },
  isRange: false,
  options: { autolog: true, ...options },
  source: { file: 'profile', line: 1, text: '' },
});

const profile = (...reservations: Reservation[]): Profile => ({ ...EMPTY_PROFILE, reservations });

/** The names of the jobs that may use a TCP port, in order. */
function jobsOf(tables: GuardTables, port: number, names: readonly string[]): string[] {
  const nameOf = new Map(
    names.map((name) => [
      new DataView(tables.job(jobCalled(name)).buffer).getUint32(JOB.fields.name0.offset, true),
      name,
    ]),
  );
  let at = new DataView(tables.ports.buffer).getUint32(port * PORT.bytes + PORT.fields.tcp.offset, true);
  if (at >= ONLY_NAME) return [nameOf.get(at - ONLY_NAME) ?? ''];
  const found: string[] = [];
  for (; at !== 0; ) {
    const rule = RULE.read(new DataView(tables.rules.buffer), at * RULE.bytes);
    found.push(nameOf.get(rule.id) ?? '');
    at = rule.next;
  }
  return found;
}

test('each port is for its own jobs, even with more names than most profiles have', () => {
  // Names are numbered from the last entry on: ONE is 1, and BIG 2^17 + 1. With 17 bits for a number, the rule of BIG
  // alone would be equal to that of ONE followed by another one.
  const fillers = Array.from({ length: 2 ** 17 - 2 }, (_, i) => entry(Math.floor(i / 4) + 1, `A${i}`));
  const reservations = [
    entry(65_535, 'Z'),
    entry(65_535, 'BIG'),
    ...fillers,
    entry(65_534, 'ONE'),
    entry(65_534, 'X'),
    entry(65_533, 'ONE'),
  ];
  const tables = compileTables({ ...EMPTY_PROFILE, reservations }, CONTEXT);
  const names = ['Z', 'BIG', 'ONE', 'X'];
  assert.deepEqual(jobsOf(tables, 65_535, names), ['Z', 'BIG']);
  assert.deepEqual(jobsOf(tables, 65_534, names), ['ONE', 'X']);
});

test('the digest does not depend on the revision, the errno or the permitted users', () => {
  const one = profile(entry(80, 'WEB'), entry(81, 'A*', { saf: 'RES' }));
  const { digest } = compileTables(one, CONTEXT);
  const others: Partial<TableContext>[] = [
    { revision: 2 },
    { errno: 1 },
    { unprivilegedStart: 0 },
    { permits: () => ({ uids: new Map([[7, true]]), everyone: true }) },
  ];
  for (const other of others) assert.equal(compileTables(one, { ...CONTEXT, ...other }).digest, digest);
});

test('the digest changes where a port, a rule or a number has another meaning', () => {
  const profiles = [
    profile(),
    profile(entry(80, 'WEB')),
    profile(entry(81, 'WEB')),
    profile(entry(80, 'MAIL')),
    profile(entry(80, 'WEB'), entry(80, 'MAIL')),
    profile(entry(80, 'MAIL'), entry(80, 'WEB')),
    profile(entry(80, 'W*')),
    profile(entry(80, 'V*')),
    profile(entry(80, 'WEB', { saf: 'A' })),
    profile(entry(80, 'WEB', { saf: 'B' })),
  ];
  const digests = profiles.map((one) => compileTables(one, CONTEXT).digest);
  assert.equal(new Set(digests).size, profiles.length);
  const authport = profile({ ...entry(21, ''), use: { kind: 'AUTHPORT' } });
  const servers = [[], ['FTPD'], ['FTPD1'], ['FTPD', 'FTPD1']].map(
    (authportJobs) => compileTables(authport, { ...CONTEXT, authportJobs }).digest,
  );
  assert.equal(new Set(servers).size, servers.length);
});
