// Suppressing findings by code and by port, combining remedies, and comparing severities.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servicesOf, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { checkOf } from '../core/findings/checks/all.ts';
import { examineResult, isAtLeast, remedyOf, type Suppression } from './examine.ts';

const SOCKETS = [40_000, 41_000].map((port) => socket(`LISTEN tcp 0.0.0.0:${port}`, {}));
const SNAPSHOT = snapshot({ sockets: SOCKETS, services: servicesOf('app 50000/tcp\n') });

function reported(...suppressions: readonly Suppression[]) {
  const { findings, suppressed, unused } = examineResult({ snapshot: SNAPSHOT, unknown: [] }, suppressions);
  const ports = (all: typeof findings) => all.map(({ ports: [range] }) => range?.first);
  return {
    findings: ports(findings),
    suppressed: suppressed.map(({ finding, reason }) => [finding.ports[0]?.first, reason]),
    unused: unused.map(({ code, port }) => [code, port]),
  };
}

test('without suppressions all findings are reported', () => {
  assert.deepEqual(reported(), { findings: [50_000, 40_000, 41_000], suppressed: [], unused: [] });
});

test('suppresses all findings of a code, or those of one port', () => {
  const reason = 'they choose their ports';
  assert.deepEqual(reported({ code: 'LISTENER_EPHEMERAL', reason }), {
    findings: [50_000],
    suppressed: [
      [40_000, reason],
      [41_000, reason],
    ],
    unused: [],
  });
  assert.deepEqual(reported({ code: 'LISTENER_EPHEMERAL', reason, port: 41_000 }), {
    findings: [50_000, 40_000],
    suppressed: [[41_000, reason]],
    unused: [],
  });
});

test('reports a suppression that matches no finding', () => {
  const reason = 'x';
  const unused = reported(
    { code: 'LISTENER_EPHEMERAL', reason, port: 42_000 },
    { code: 'LOW_PORTS_OPEN', reason },
    { code: 'SERVICES_RESERVE_NOTHING', reason },
  ).unused;
  assert.deepEqual(unused, [
    ['LISTENER_EPHEMERAL', 42_000],
    ['LOW_PORTS_OPEN', undefined],
  ]);
});

test('does not fix a suppressed finding', () => {
  const remedy = (...suppressions: readonly Suppression[]) =>
    remedyOf(examineResult({ snapshot: SNAPSHOT, unknown: [] }, suppressions).findings).reserve;
  assert.deepEqual(remedy(), [{ first: 50_000, last: 50_000 }]);
  assert.deepEqual(remedy({ code: 'SERVICES_RESERVE_NOTHING', reason: 'x' }), []);
});

test('compares severities', () => {
  const order = ['info', 'warning', 'error'] as const;
  for (const [at, severity] of order.entries()) {
    assert.deepEqual(
      order.map((least) => isAtLeast({ severity }, least)),
      order.map((_, least) => at >= least),
    );
  }
});

test('finds a check by its code', () => {
  assert.deepEqual(
    ['CLIENT_ON_PORT', 'client_on_port', 'toString', ''].map((code) => checkOf(code)?.code),
    ['CLIENT_ON_PORT', undefined, undefined, undefined],
  );
});
