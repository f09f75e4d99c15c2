/** INADDRANYPORT ranges: the parts that are not reserved for the kernel's job, and the statement to add. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { processorBound } from '../../../test/support/processor.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Finding } from '../../text/source.ts';
import type { InaddrAnyRange } from '../text/bpxprm.ts';
import type { Use } from '../text/statements.ts';
import { checkInaddrAny } from './inaddrany.ts';
import { EMPTY_PROFILE, type Profile } from './rules.ts';

const PLACE = { file: 'BPXPRM00', line: 6, column: 2, length: 7 };

function range(first: number, last: number): InaddrAnyRange {
  return { first: first as Port, last: last as Port, domain: 'AF_INET', place: PLACE };
}

type Reserved = readonly [first: number, last: number, protocol: Protocol, job: string];

/** A profile of reservations for a job, RESERVED or AUTHPORT. */
function profile(...reserved: Reserved[]): Profile {
  const reservations = reserved.map(([first, last, protocol, job], index) => {
    const use: Use = job === 'RESERVED' || job === 'AUTHPORT' ? { kind: job } : { kind: 'JOB', pattern: job };
    const source = { file: 'profile', line: index + 1, text: '' };
    const options = { autolog: true };
    return {
      protocol,
      first: first as Port,
      last: last as Port,
      isRange: first !== last,
      use,
      options,
      source,
    };
  });
  return { ...EMPTY_PROFILE, reservations };
}

const both = (first: number, last: number, job: string): Reserved[] => [
  [first, last, 'tcp', job],
  [first, last, 'udp', job],
];

function hints(findings: readonly Finding[]): string[] {
  return findings.map(({ hint }) => hint);
}

describe('a reserved range has no finding', () => {
  const cases: Readonly<Record<string, readonly [range: InaddrAnyRange, ...reserved: Reserved[]]>> = {
    // ibm-cinet-portrange: PORTRANGE 40000 2000 TCP OMVS and PORTRANGE 40000 2000 UDP OMVS.
    'by one PORTRANGE for each protocol': [range(40000, 41999), ...both(40000, 41999, 'OMVS')],
    'by a larger one': [range(40000, 41999), ...both(1, 65535, 'OMVS')],
    'by several, in any order': [
      range(40000, 41999),
      ...both(41000, 41998, 'OMVS'),
      ...both(40000, 40999, 'OMVS'),
      ...both(41999, 41999, 'OMVS'),
    ],
    'also for another job, by PORT': [
      range(5000, 5000),
      ...both(5000, 5000, 'FTPD'),
      ...both(5000, 5000, 'OMVS'),
    ],
    'up to the last port': [range(65535, 65535), ...both(65535, 65535, 'OMVS')],
    'from the first port': [range(1, 1), ...both(1, 1, 'OMVS')],
  };
  for (const [name, [one, ...reserved]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(checkInaddrAny([one], profile(...reserved)), []));
  }

  test('without ranges there is no finding', () => assert.deepEqual(checkInaddrAny([], EMPTY_PROFILE), []));
});

describe('a range that is not reserved', () => {
  test('is reported for each protocol, with the statement to add', () => {
    const findings = checkInaddrAny([range(40000, 41999)], EMPTY_PROFILE);
    assert.deepEqual(findings, [
      {
        severity: 'warning',
        code: 'INADDRANY_NOT_RESERVED',
        message:
          'TCP ports 40000-41999 are assigned for bind() to port 0 and the wildcard address, ' +
          'but these are not reserved for OMVS: 40000-41999',
        hint: 'Add PORTRANGE 40000 2000 TCP OMVS.',
        place: PLACE,
      },
      {
        severity: 'warning',
        code: 'INADDRANY_NOT_RESERVED',
        message:
          'UDP ports 40000-41999 are assigned for bind() to port 0 and the wildcard address, ' +
          'but these are not reserved for OMVS: 40000-41999',
        hint: 'Add PORTRANGE 40000 2000 UDP OMVS.',
        place: PLACE,
      },
    ]);
  });

  test('is reported only for the protocol that lacks it', () => {
    assert.deepEqual(hints(checkInaddrAny([range(1, 65535)], profile([1, 65535, 'tcp', 'OMVS']))), [
      'Add PORTRANGE 1 65535 UDP OMVS.',
    ]);
  });

  test('is reported with its gaps', () => {
    const findings = checkInaddrAny(
      [range(100, 200)],
      profile([1, 65535, 'udp', 'OMVS'], [90, 149, 'tcp', 'OMVS'], [151, 190, 'tcp', 'OMVS']),
    );
    assert.match(findings[0]?.message ?? '', /: 150, 191-200$/);
    assert.deepEqual(hints(findings), ['Add PORTRANGE 150 1 TCP OMVS 191 10 TCP OMVS.']);
  });

  test('is reported at its edges', () => {
    const udp: Reserved = [1, 65535, 'udp', 'OMVS'];
    const find = (...reserved: Reserved[]): string[] =>
      hints(checkInaddrAny([range(65534, 65535)], profile(udp, ...reserved)));
    assert.deepEqual(find([65534, 65534, 'tcp', 'OMVS']), ['Add PORTRANGE 65535 1 TCP OMVS.']);
    assert.deepEqual(find([65535, 65535, 'tcp', 'OMVS']), ['Add PORTRANGE 65534 1 TCP OMVS.']);
    assert.deepEqual(find([65534, 65535, 'tcp', 'OMVS']), []);
  });

  // PORTRANGE: "you must specify the name of the started JCL procedure for the z/OS UNIX kernel address space".
  for (const job of ['*', 'OMV*', 'OMVS*', 'FTPD', 'RESERVED', 'AUTHPORT']) {
    test(`is reported if reserved for ${job}`, () => {
      const [finding, ...rest] = checkInaddrAny(
        [range(100, 200)],
        profile([1, 65535, 'udp', 'OMVS'], [150, 160, 'tcp', job]),
      );
      assert.deepEqual(rest, []);
      assert.ok(
        finding?.message.endsWith(`: 100-149, 150-160 (${job}, profile line 2), 161-200`),
        finding?.message,
      );
      const hint = 'Add PORTRANGE 100 50 TCP OMVS 161 40 TCP OMVS. Remove the others from their reservations';
      assert.ok(finding?.hint.startsWith(hint));
    });
  }

  test('is reported with its first parts only', () => {
    const holes = Array.from({ length: 50 }, (_, i): Reserved => [101 + 2 * i, 101 + 2 * i, 'tcp', 'OMVS']);
    const [finding] = checkInaddrAny([range(100, 200)], profile([1, 65535, 'udp', 'OMVS'], ...holes));
    assert.match(finding?.message ?? '', /: 100, 102, 104, 106, 108 and 46 more ports$/);
  });

  test('may be reserved for another kernel job', () => {
    const reserved = profile(...both(100, 200, 'OMVS2'));
    assert.deepEqual(checkInaddrAny([range(100, 200)], reserved, 'OMVS2'), []);
    assert.equal(checkInaddrAny([range(100, 200)], reserved).length, 2);
  });

  test('is reported for each of several', () => {
    const findings = checkInaddrAny(
      [range(100, 100), range(200, 200), range(300, 300)],
      profile(...both(200, 200, 'OMVS')),
    );
    assert.deepEqual(
      hints(findings).map((hint) => hint.split(' ')[2]),
      ['100', '100', '300', '300'],
    );
  });
});

test('the findings equal a check of each port', () => {
  const port = fc.integer({ min: 65500, max: 65535 });
  const span = fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
  const reserved = fc
    .tuple(span, fc.constantFrom('OMVS', 'OMVS', 'FTPD'))
    .map(([[first, last], job]): Reserved => [first, last, 'tcp', job]);
  fc.assert(
    fc.property(span, fc.array(reserved, { maxLength: 6 }), ([first, last], list) => {
      const isReserved = (at: number): boolean =>
        list.some(([a, b, , job]) => job === 'OMVS' && a <= at && at <= b);
      const ports = Array.from({ length: last - first + 1 }, (_, i) => first + i);
      const missing = ports.filter((at) => !isReserved(at));
      const [finding] = checkInaddrAny([range(first, last)], profile([1, 65535, 'udp', 'OMVS'], ...list));
      assert.equal(finding === undefined, missing.length === 0);
      const reported = /: ([^:]*)$/.exec(finding?.message ?? '')?.[1] ?? '';
      const [parts = '', more = '0'] = reported.split(/ and (\d+) more ports$/);
      const named = parts
        .split(/, (?=\d)/)
        .filter((part) => part !== '')
        .map((part) => /^(\d+)(?:-(\d+))?/.exec(part) ?? [])
        .reduce((sum, [, a = '0', b = a]) => sum + BigInt(b) - BigInt(a) + 1n, 0n);
      assert.equal(named + BigInt(more), BigInt(missing.length));
      if (finding) assert.ok(parts.startsWith(`${missing[0]}`));
    }),
  );
});

test('many ranges and reservations are checked in bounded time', () => {
  const reserved = Array.from({ length: 30_000 }, (_, i): Reserved => [2 * i + 1, 2 * i + 1, 'tcp', 'OMVS']);
  const ranges = Array.from({ length: 10_000 }, () => range(1, 65535));
  const assertBounded = processorBound();
  assert.equal(checkInaddrAny(ranges, profile(...reserved)).length, 20_000);
  assertBounded();
});
