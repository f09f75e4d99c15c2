// What the guard measures: names and meaning as docs/guard.md lists them.
import { type Metric, sampleOf } from '../../kit/metrics.ts';
import { REFUSALS } from '../bpf/layout.ts';
import type { GuardState } from './kernel/kernel.ts';
import type { GuardReport } from './report.ts';

const MODES = ['enforce', 'observe', 'off', 'absent'] as const;

/** `state`: of the guard in the kernel; undefined where there is no guard that can be reached. */
export function guardMetrics(
  report: GuardReport,
  state: Pick<GuardState, 'isAttached' | 'counters'> | undefined,
): readonly Metric[] {
  return [
    {
      name: 'portreeve_guard_mode',
      type: 'gauge',
      help: '1 for the mode of the guard, 0 for the others; absent: no guard in the kernel can be reached.',
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
      help: 'Binds that the profile does not permit, by reason; they succeed while it is only observed.',
      samples: state ? REFUSALS.map((reason) => ({ labels: { reason }, value: state.counters[reason] })) : [],
    },
    {
      name: 'portreeve_guard_lost_events_total',
      type: 'counter',
      help: 'Refusals for whose record the kernel had no room.',
      samples: sampleOf(state?.counters.lost ?? null),
    },
    {
      name: 'portreeve_guard_known_cgroups',
      type: 'gauge',
      help: 'Cgroups that are known as jobs.',
      samples: [{ value: report.cgroups }],
    },
    {
      name: 'portreeve_guard_known_users',
      type: 'gauge',
      help: 'Users that are known as jobs.',
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
      help: 'What the guard cannot do here: the lines "missing" of portreeve status.',
      samples: [{ value: report.missing.length }],
    },
  ];
}
