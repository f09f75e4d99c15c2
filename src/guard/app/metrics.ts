// The guard's metrics, as docs/guard.md lists them.
import { type Metric, sampleOf } from '../../kit/metrics.ts';
import { REFUSALS } from '../bpf/layout.ts';
import type { GuardState } from './kernel/kernel.ts';
import type { GuardReport } from './report.ts';

const MODES = ['enforce', 'observe', 'off', 'absent'] as const;

/** `state`: that of the guard in the kernel; undefined where there is none, or it cannot be read. */
export function guardMetrics(
  report: GuardReport,
  state: Pick<GuardState, 'isAttached' | 'counters'> | undefined,
): readonly Metric[] {
  return [
    {
      name: 'portreeve_guard_mode',
      type: 'gauge',
      help: '1 for the mode of the guard, 0 for the others; absent: there is no guard, or it cannot be read.',
      samples: MODES.map((mode) => ({ labels: { mode }, value: report.mode === mode ? 1 : 0 })),
    },
    {
      name: 'portreeve_guard_attached',
      type: 'gauge',
      help: '1 if the kernel calls the programs of the guard, else 0.',
      samples: state ? [{ value: state.isAttached ? 1 : 0 }] : [],
    },
    {
      name: 'portreeve_guard_profile_revision',
      type: 'gauge',
      help: 'Revision of the profile in force.',
      samples: sampleOf(report.revision),
    },
    {
      name: 'portreeve_guard_allowed_binds_total',
      type: 'counter',
      help: 'Binds that the profile permits.',
      samples: sampleOf(state?.counters.judged ?? null),
    },
    {
      name: 'portreeve_guard_refused_binds_total',
      type: 'counter',
      help: 'Binds that the profile does not permit, by reason; in mode observe they succeed.',
      samples: state ? REFUSALS.map((reason) => ({ labels: { reason }, value: state.counters[reason] })) : [],
    },
    {
      name: 'portreeve_guard_lost_events_total',
      type: 'counter',
      help: 'Refusals that the kernel could not record because its buffer was full.',
      samples: sampleOf(state?.counters.lost ?? null),
    },
    {
      name: 'portreeve_guard_known_cgroups',
      type: 'gauge',
      help: 'Cgroups that have a job.',
      samples: [{ value: report.cgroups }],
    },
    {
      name: 'portreeve_guard_known_users',
      type: 'gauge',
      help: 'Users that have a job.',
      samples: [{ value: report.users }],
    },
    {
      name: 'portreeve_guard_unknown_names',
      type: 'gauge',
      help: 'Names in the profile that belong to no unit, user or job of this host.',
      samples: [{ value: report.unknown.length }],
    },
    {
      name: 'portreeve_guard_faults',
      type: 'gauge',
      help: 'Problems of the guard: the lines "missing" of portreeve status.',
      samples: [{ value: report.missing.length }],
    },
  ];
}
