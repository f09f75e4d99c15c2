// The metrics of the port mapper, as docs/portmap.md lists them.
import { parseDecimal } from '../../base/port.ts';
import { type Metric, type Sample, sampleOf } from '../../kit/metrics.ts';
import type { EventCounts } from '../core/events.ts';
import { procedureName } from '../core/procedures.ts';
import type { PortmapReport } from './report.ts';

/** `changes`: the events since the daemon started. */
export function portmapMetrics(report: PortmapReport, changes: EventCounts): readonly Metric[] {
  const { calls, connections, foreign, late, mappings, restarts, rssBytes, state, unsent } = report;
  return [
    {
      name: 'portreeve_portmap_running',
      type: 'gauge',
      help: '1 if the process that answers the network is running, else 0.',
      samples: [{ value: state === 'running' ? 1 : 0 }],
    },
    {
      name: 'portreeve_portmap_restarts_total',
      type: 'counter',
      help: 'Restarts of that process.',
      samples: [{ value: restarts }],
    },
    {
      name: 'portreeve_portmap_resident_memory_bytes',
      type: 'gauge',
      help: 'Resident memory of that process.',
      samples: sampleOf(rssBytes),
    },
    {
      name: 'portreeve_portmap_registrations',
      type: 'gauge',
      help: 'Registrations, including those of the port mapper itself.',
      samples: sampleOf(mappings),
    },
    {
      name: 'portreeve_portmap_foreign_registrations',
      type: 'gauge',
      help: 'Registrations from other network namespaces, which cannot be checked.',
      samples: sampleOf(foreign),
    },
    {
      name: 'portreeve_portmap_changes_total',
      type: 'counter',
      help: 'Changes of registrations since the daemon started, by outcome.',
      samples: Object.entries(changes).map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      name: 'portreeve_portmap_calls_total',
      type: 'counter',
      help: 'Calls by version of the protocol and procedure, since the process started.',
      samples: callSamples(calls ?? {}),
    },
    {
      name: 'portreeve_portmap_connections',
      type: 'gauge',
      help: 'Open connections over TCP and Unix sockets.',
      samples: sampleOf(connections),
    },
    {
      name: 'portreeve_portmap_unsent_replies_total',
      type: 'counter',
      help: 'Replies over UDP that the kernel did not accept, since the process started.',
      samples: sampleOf(unsent),
    },
    {
      name: 'portreeve_portmap_late_changes_total',
      type: 'counter',
      help: 'Changes over UDP that were not answered because they had waited too long, since the process started.',
      samples: sampleOf(late),
    },
  ];
}

/** The highest version of the protocol. */
const VERSION_MAX = 4;

/** The procedures that were called at least once. */
function callSamples(calls: Readonly<Record<string, readonly number[]>>): Sample[] {
  return Object.entries(calls).flatMap(([version, counts]) =>
    counts.flatMap((value, number) => {
      const procedure = procedureName(parseDecimal(version, VERSION_MAX) ?? 0, number);
      return value === 0 ? [] : [{ labels: { version, procedure }, value }];
    }),
  );
}
