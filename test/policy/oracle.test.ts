/** Compares decide() with the oracle: random profiles and requests, every field of every verdict. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { formatIp } from '../../src/base/address.ts';
import { buildProfile } from '../../src/profile/core/build.ts';
import { decide } from '../../src/profile/core/decide.ts';
import { RuleTable } from '../../src/profile/core/table.ts';
import type { BindRequest, Reason } from '../../src/profile/core/verdict.ts';
import { parseProfile } from '../../src/profile/text/parse.ts';
import type { AnyVerdict } from '../support/golden-profiles.ts';
import {
  AUTHPORT_JOBS,
  isPermitted,
  PART,
  type ProfileText,
  type RandomProfile,
  randomProfile,
} from '../support/profile-generator.ts';
import { oracle } from '../support/profile-oracle.ts';

const PROFILES = 5000;
const REQUESTS = 10;
const REASON_MIN = 500;
const OTHER_MIN = 100;

/** A Record, so that no reason is missing. */
const REASONS: Readonly<Record<Reason, true>> = {
  PORT_ZERO: true,
  RESERVED_FOR_JOB: true,
  RESERVED_FOR_NO_ONE: true,
  RESERVED_FOR_OTHERS: true,
  SAF_NOT_PERMITTED: true,
  LOW_PORT_RESTRICTED: true,
  LOW_PORT_OF_LINUX: true,
  UNRESERVED_FOR_JOB: true,
  UNRESERVED_DENIED: true,
  UNRESERVED_FOR_OTHERS: true,
  UNRESERVED: true,
};

/** Errors in profiles and properties of requests that must occur too. */
const OTHERS = [
  ...[
    'PORT_CONFLICT',
    'DUPLICATE',
    'UNRSV_DENY_JOB',
    'UNRSV_WHEN',
    'DELETE_FAILED',
    'RANGE_CLIPPED',
    'SYNTAX',
  ],
  ...['BIND to IPv4', 'BIND to mapped', 'BIND to IPv6', 'shared', 'low port granted', 'smc', 'acks'],
  ...['from EPHEMERALPORTS', 'from EXPLICITBINDPORTRANGE', 'listen denied', 'root denied'],
  ...[
    'rule of a part',
    'UNKNOWN allowed',
    'UNKNOWN denied',
    'port 1',
    'port 1023',
    'port 1024',
    'port 65535',
  ],
];

test('50,000 verdicts equal those of the oracle', (t) => {
  const counts = new Map<string, number>();
  const count = (what: string): void => {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  };
  const context = { authportJobs: AUTHPORT_JOBS, isPermitted };
  const saf = {
    check: (resname: string, uid: number, groups: readonly number[]) => ({
      permitted: isPermitted(resname, uid, groups),
      source: undefined,
    }),
  };
  for (let seed = 1; seed <= PROFILES; seed++) {
    const profile = randomProfile(seed);
    const { statements, findings } = parsed(profile.written);
    const effective = parsed(profile.effective).statements;
    const built = buildProfile(statements);
    for (const { code } of [...findings, ...built.findings]) count(code);
    const table = new RuleTable(built.profile, { authportJobs: AUTHPORT_JOBS, saf });
    for (let i = 0; i < REQUESTS; i++) {
      const request = profile.nextRequest();
      const verdict = decide(table, request);
      const texts = [verdict, oracle(effective, context, request)].map(plain);
      if (texts[0] !== texts[1]) assert.fail(disagreement(seed, profile, request, texts));
      count(verdict.reason);
      for (const what of propertiesOf(request, verdict)) count(what);
    }
  }
  report(t, counts);
  const rare = [
    ...Object.keys(REASONS).filter((reason) => (counts.get(reason) ?? 0) < REASON_MIN),
    ...OTHERS.filter((what) => (counts.get(what) ?? 0) < OTHER_MIN),
  ];
  assert.deepEqual(rare, [], 'these occurred too rarely');
});

function parsed({ text, part }: ProfileText) {
  return parseProfile({ file: 'profile', text }, { include: () => ({ file: PART, text: part }) });
}

/** A verdict as text, with every field. */
function plain(verdict: AnyVerdict): string {
  const { file, line, text } = verdict.rule ?? {};
  const address = verdict.allowed && verdict.address && formatIp(verdict.address);
  const fields = Object.entries({ ...verdict, rule: verdict.rule && `${file}:${line} ${text}`, address });
  return fields
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
    .join('\n');
}

function propertiesOf(request: BindRequest, verdict: AnyVerdict): string[] {
  const found: string[] = [];
  if ([1, 1023, 1024, 65535].includes(request.port)) found.push(`port ${request.port}`);
  if (verdict.rule?.file === PART) found.push('rule of a part');
  if (request.job === 'UNKNOWN') found.push(`UNKNOWN ${verdict.allowed ? 'allowed' : 'denied'}`);
  if (!verdict.allowed) {
    if (request.operation === 'listen') found.push('listen denied');
    if (request.uid === 0 && request.lowPortCapable) found.push('root denied');
    return found;
  }
  const { address, isShared, lowPortGranted, smc, acks, assignedFrom } = verdict;
  if (address) {
    const isMapped = formatIp(address).startsWith('::ffff:');
    found.push(`BIND to ${isMapped ? 'mapped' : `IPv${address.family}`}`);
  }
  if (isShared) found.push('shared');
  if (lowPortGranted) found.push('low port granted');
  if (smc) found.push('smc');
  if (acks) found.push('acks');
  if (assignedFrom) found.push(`from ${assignedFrom}`);
  return found;
}

function disagreement(
  seed: number,
  { written: { text, part } }: RandomProfile,
  request: BindRequest,
  texts: readonly string[],
): string {
  const requestText = JSON.stringify({ ...request, address: formatIp(request.address) });
  const numbered = (lines: string): string[] => lines.split('\n').map((line, i) => `${i + 1}\t${line}`);
  return [
    `seed ${seed}: the policy and the oracle disagree about`,
    ...numbered(text),
    ...(part === '' ? [] : [`--- ${PART}`, ...numbered(part)]),
    requestText,
    `--- decide\n${texts[0]}`,
    `--- oracle\n${texts[1]}`,
  ].join('\n');
}

function report(t: TestContext, counts: ReadonlyMap<string, number>): void {
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([what, times]) => `${times} ${what}`);
  t.diagnostic(lines.join(', '));
}
