// Every check reports its finding in snapshots that have the problem, and not in similar ones without it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CASES } from '../../../../../test/support/doctor/cases.ts';
import {
  inForce,
  PLAIN,
  registration,
  servicesOf,
  snapshot,
  socket,
} from '../../../../../test/support/doctor/snapshots.ts';
import { processorBound } from '../../../../../test/support/processor.ts';
import { DOCTOR_FINDINGS_PER_CODE_MAX } from '../../../../base/limits.ts';
import { CHECKS, checkOf, examineSnapshot } from './all.ts';

test('a plain host has no findings', () => {
  assert.deepEqual(examineSnapshot(PLAIN), []);
});

for (const { code, severities } of CHECKS) {
  describe(code, () => {
    const cases = CASES[code];
    test('has test cases', () => assert.ok(cases.length > 0));
    for (const { when, faulty, clean } of cases) {
      test(`is reported when ${when}`, () => {
        const found = examineSnapshot(faulty).filter((each) => each.code === code);
        assert.ok(found.length > 0, JSON.stringify(examineSnapshot(faulty)));
        for (const { what, severity, title, why, advice, remedy } of found) {
          assert.ok(
            severities.some((each) => each === severity),
            severity,
          );
          assert.doesNotMatch(`${what}${title}${why}`, /undefined|NaN|null|\n|\.$/);
          assert.ok(what.length > 10 && (advice !== '' || remedy !== undefined), what);
        }
      });
      test(`is not reported unless ${when}`, () => {
        assert.deepEqual(
          examineSnapshot(clean).filter((each) => each.code === code),
          [],
        );
      });
    }
  });
}

test('the test cases cover each severity of a check', () => {
  for (const { code, severities } of CHECKS) {
    const found = CASES[code].flatMap(({ faulty }) =>
      examineSnapshot(faulty)
        .filter((each) => each.code === code)
        .map(({ severity }) => severity),
    );
    assert.deepEqual([...new Set(found)].sort(), [...severities].sort(), code);
  }
});

test('findings are ordered most severe first, then by code and port', () => {
  const sockets = [41_000, 40_000].map((port) => socket(`LISTEN tcp 0.0.0.0:${port}`, {}));
  const services = servicesOf('app 40001/tcp\n');
  const found = examineSnapshot(snapshot({ sockets, services }));
  assert.deepEqual(
    found.map(({ severity, code, ports }) => `${severity} ${code} ${ports[0]?.first}`),
    [
      'warning SERVICES_RESERVE_NOTHING 40001',
      'info LISTENER_EPHEMERAL 40000',
      'info LISTENER_EPHEMERAL 41000',
    ],
  );
});

test('a reservation that is not used is described as such', () => {
  const { what } = examineSnapshot(snapshot({ inForce: inForce('PORT 5432 TCP POSTGRES') })).find(
    ({ code }) => code === 'RESERVATION_UNUSED',
  ) ?? { what: '' };
  assert.equal(what, 'profile.tcpip:1 reserves 5432/tcp for POSTGRES, but it is not in use');
});

test('many findings of one code are limited, and the rest merged with all ports and remedies', () => {
  const lines = Array.from({ length: 80 }, (_, index) => `app${index} ${40_000 + index}/tcp\n`);
  const found = examineSnapshot(snapshot({ services: servicesOf(lines.join('')) }));
  assert.equal(found.length, DOCTOR_FINDINGS_PER_CODE_MAX + 1);
  const last = found.at(-1);
  assert.match(last?.what ?? '', /^30 more, such as: /);
  assert.equal(last?.ports.length, 30);
  assert.equal(last?.remedy?.reserve.length, 30);
});

test('examines arbitrary sockets, reservations and registrations', () => {
  const port = fc.oneof(
    fc.constantFrom(1, 511, 512, 1023, 1024, 32_767, 32_768, 60_999, 61_000, 65_535),
    fc.integer({ min: 1, max: 65_535 }),
  );
  const address = fc.constantFrom('0.0.0.0', '127.0.0.1', '192.0.2.9', '[::]', '[::1]', '[::ffff:127.0.0.1]');
  const state = fc.constantFrom(
    'LISTEN tcp',
    'BOUND tcp',
    'TIME_WAIT tcp',
    'ESTABLISHED tcp',
    'UNCONNECTED udp',
    'ESTABLISHED udp',
  );
  const open = fc.record({
    state,
    address,
    port,
    uid: fc.constantFrom(0, 1000, 65_534),
    isHidden: fc.boolean(),
    far: port,
  });
  const statement = fc.record({
    port,
    protocol: fc.constantFrom('TCP', 'UDP'),
    job: fc.constantFrom('A', '*', 'OMVS', 'RESERVED', 'AUTHPORT', 'INTCLIEN'),
  });
  fc.assert(
    fc.property(
      fc.array(open),
      fc.uniqueArray(statement, { selector: (each) => `${each.port}${each.protocol}` }),
      (opens, statements) => {
        const sockets = opens.map((each) => {
          const isConnected = /TIME_WAIT|ESTABLISHED/.test(each.state);
          const { uid, isHidden } = each;
          const to = isConnected ? { to: `${each.address}:${each.far}` } : {};
          return socket(`${each.state} ${each.address}:${each.port}`, { uid, isHidden, ...to });
        });
        const text = statements.map((each) => `PORT ${each.port} ${each.protocol} ${each.job}\n`).join('');
        const registrations = statements.map((each) =>
          registration(`x 300000 ${each.protocol.toLowerCase()} 0.0.0.0:${each.port}`),
        );
        for (const { code, severity, ports } of examineSnapshot(
          snapshot({ sockets, inForce: inForce(text), registrations }),
        )) {
          assert.ok(checkOf(code)?.severities.some((each) => each === severity));
          for (const { first, last } of ports) assert.ok(first >= 1 && first <= last && last <= 65_535);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('fifty thousand connections and as many reservations are examined in bounded time', () => {
  const sockets = Array.from({ length: 50_000 }, (_, index) =>
    socket(`ESTABLISHED tcp 192.0.2.9:${1024 + (index % 60_000)}`, {
      to: `192.0.2.${index % 250}:443`,
      pid: index,
    }),
  );
  const statements = Array.from(
    { length: 50_000 },
    (_, index) => `${index + 10_000} TCP JOB${index % 100}\n`,
  );
  const busy = snapshot({ sockets, inForce: inForce(`PORT ${statements.join(' ')}`) });
  const assertBounded = processorBound();
  const found = examineSnapshot(busy);
  assertBounded();
  assert.ok(found.length > 0);
});
