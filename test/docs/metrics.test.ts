// The tables of metrics in docs/ list exactly the metrics of the services.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { guardMetrics } from '../../src/guard/app/metrics.ts';
import { COUNTERS } from '../../src/guard/bpf/layout.ts';
import { linuxFiles } from '../../src/host/linux/files.ts';
import { type Metric, metricsText } from '../../src/kit/metrics.ts';
import { LeaseService } from '../../src/lease/daemon/service.ts';
import { portmapMetrics } from '../../src/portmap/app/metrics.ts';
import { SocketsService } from '../../src/sockets/daemon/service.ts';
import { daemonStatus } from '../support/status-daemon.ts';
import { tableOf } from '../support/tables.ts';

/** A daemon status in which every metric has a value. */
const { portmap, guard } = daemonStatus(
  { calls: { '2': [0, 0, 0, 7], '4': [0, 0, 0, 0, 0, 1] }, restarts: 3 },
  { mode: 'enforce', revision: 8, unknown: ['NOSUCH'], missing: ['one'] },
);
const changes = { set: 4, unset: 3, refused: 2, dropped: 1 };
const counters = Object.fromEntries(COUNTERS.map((name, index) => [name, BigInt(index)]));
const state = { isAttached: true, counters } as NonNullable<Parameters<typeof guardMetrics>[1]>;
const lease = new LeaseService({ log: { info: () => {} }, runDeps: () => assert.fail('not called') });
const names = { files: linuxFiles, registrations: async () => [], reservations: async () => undefined };
const sockets = new SocketsService({ files: () => linuxFiles, names });

const PAGES: Readonly<Record<string, readonly Metric[]>> = {
  'docs/portmap.md': portmapMetrics(portmap, changes),
  'docs/guard.md': guardMetrics(guard, state),
  'docs/metrics.md': [...(await sockets.metrics()), ...(await lease.metrics())],
};

for (const [page, metrics] of Object.entries(PAGES)) {
  test(`${page} lists exactly the metrics with their types, labels, and meanings`, () => {
    const listed = tableOf(page, ['metric', 'type', 'labels', 'meaning']).map((row) => Object.values(row));
    assert.deepEqual(
      listed,
      metrics.map(({ name, type, help, samples: [first] }) => {
        const labels = Object.keys(first?.labels ?? {}).map((label) => `\`${label}\``);
        return [`\`${name}\``, type, labels.join(', '), help];
      }),
    );
  });
}

describe('a name', () => {
  for (const { name, type, samples } of Object.values(PAGES).flat()) {
    test(`${name} contains its feature, and ends with _total if it is a counter`, () => {
      assert.match(name, /^portreeve_(portmap|guard|sockets|lease)(_[a-z]+)+$/);
      assert.equal(name.endsWith('_total'), type === 'counter');
      // Every metric has a value in this status.
      assert.ok(samples.length > 0);
    });
  }
});

test('the port mapper reports its counters', () => {
  const text = metricsText(portmapMetrics(portmap, changes));
  for (const line of [
    'portreeve_portmap_running 1',
    'portreeve_portmap_restarts_total 3',
    'portreeve_portmap_registrations 12',
    'portreeve_portmap_changes_total{outcome="refused"} 2',
    'portreeve_portmap_calls_total{version="2",procedure="GETPORT"} 7',
    'portreeve_portmap_calls_total{version="4",procedure="BCAST"} 1',
  ])
    assert.ok(text.split('\n').includes(line), `${line} in ${text}`);
  assert.doesNotMatch(text, /procedure="NULL"/);
});

test('omits the metrics of the port mapper’s process while it is not running', () => {
  const away = { state: 'waiting', rssBytes: null, mappings: null, foreign: null, calls: null };
  const gone = { connections: null, unsent: null, late: null };
  const text = metricsText(portmapMetrics(daemonStatus({ ...away, ...gone }).portmap, changes));
  assert.deepEqual(
    [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name),
    ['portreeve_portmap_running', 'portreeve_portmap_restarts_total', 'portreeve_portmap_changes_total'],
  );
  assert.match(text, /^portreeve_portmap_running 0$/m);
});

test('the guard reports its counters and its mode', () => {
  const text = metricsText(guardMetrics(guard, state));
  for (const line of [
    'portreeve_guard_mode{mode="enforce"} 1',
    'portreeve_guard_mode{mode="observe"} 0',
    'portreeve_guard_attached 1',
    'portreeve_guard_profile_revision 8',
    `portreeve_guard_refused_binds_total{reason="RESERVED_FOR_NO_ONE"} ${counters['RESERVED_FOR_NO_ONE']}`,
    `portreeve_guard_lost_events_total ${counters['lost']}`,
    'portreeve_guard_unknown_names 1',
    'portreeve_guard_faults 1',
  ])
    assert.ok(text.split('\n').includes(line), `${line} in ${text}`);
  assert.doesNotMatch(metricsText(guardMetrics(daemonStatus().guard, undefined)), /_total/);
});
