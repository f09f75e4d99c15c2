// Findings that somebody has had enough of: by code, by port, with the reason; and how grave the others are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servicesOf, snapshot, socket } from '../../../test/support/doctor/snapshots.ts';
import { checkOf } from '../core/findings/checks/all.ts';
import { isAtLeast, judge, remedyOf, type Suppression } from './examine.ts';

const SOCKETS = [40_000, 41_000].map((port) => socket(`LISTEN tcp 0.0.0.0:${port}`, {}));
const SNAPSHOT = snapshot({ sockets: SOCKETS, services: servicesOf('app 50000/tcp\n') });

function reported(...suppressions: readonly Suppression[]) {
  const { findings, suppressed, idle } = judge({ snapshot: SNAPSHOT, unknown: [] }, suppressions);
  const ports = (all: typeof findings) => all.map(({ ports: [range] }) => range?.first);
  return {
    findings: ports(findings),
    suppressed: suppressed.map(({ finding, reason }) => [finding.ports[0]?.first, reason]),
    idle: idle.map(({ code, port }) => [code, port]),
  };
}

test('without any all is told', () => {
  assert.deepEqual(reported(), { findings: [50_000, 40_000, 41_000], suppressed: [], idle: [] });
});

test('all of a code, or those of one port', () => {
  const reason = 'they choose their ports';
  assert.deepEqual(reported({ code: 'LISTENER_EPHEMERAL', reason }), {
    findings: [50_000],
    suppressed: [
      [40_000, reason],
      [41_000, reason],
    ],
    idle: [],
  });
  assert.deepEqual(reported({ code: 'LISTENER_EPHEMERAL', reason, port: 41_000 }), {
    findings: [50_000, 40_000],
    suppressed: [[41_000, reason]],
    idle: [],
  });
});

test('a suppression of nothing is told of', () => {
  const reason = 'x';
  const idle = reported(
    { code: 'LISTENER_EPHEMERAL', reason, port: 42_000 },
    { code: 'LOW_PORTS_OPEN', reason },
    { code: 'SERVICES_RESERVE_NOTHING', reason },
  ).idle;
  assert.deepEqual(idle, [
    ['LISTENER_EPHEMERAL', 42_000],
    ['LOW_PORTS_OPEN', undefined],
  ]);
});

test('what is suppressed is not mended', () => {
  const remedy = (...suppressions: readonly Suppression[]) =>
    remedyOf(judge({ snapshot: SNAPSHOT, unknown: [] }, suppressions).findings).reserve;
  assert.deepEqual(remedy(), [{ first: 50_000, last: 50_000 }]);
  assert.deepEqual(remedy({ code: 'SERVICES_RESERVE_NOTHING', reason: 'x' }), []);
});

test('severities', () => {
  const order = ['info', 'warning', 'error'] as const;
  for (const [at, severity] of order.entries()) {
    assert.deepEqual(
      order.map((least) => isAtLeast({ severity }, least)),
      order.map((_, least) => at >= least),
    );
  }
});

test('codes', () => {
  assert.deepEqual(
    ['CLIENT_ON_PORT', 'client_on_port', 'toString', ''].map((code) => checkOf(code)?.code),
    ['CLIENT_ON_PORT', undefined, undefined, undefined],
  );
});
