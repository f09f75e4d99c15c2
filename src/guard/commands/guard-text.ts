// The text that the guard's commands print: the guard's state, that of another version's guard, and notes.

import type { Io } from '../../kit/io.ts';
import { labeledLines, localTime } from '../../kit/text.ts';
import { formatPortList } from '../../text/port-list.ts';
import type { AssignableIn } from '../app/assigned-ports.ts';
import type { Settled } from '../app/guard.ts';
import type { Impacts } from '../app/impact.ts';
import type { OtherGuard } from '../app/kernel/pinned.ts';
import type { GuardJson } from '../app/report.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { impactsSummary } from './impact-text.ts';

type Line = readonly [label: string, text: string];

export function stateText(io: Io, state: GuardJson): string {
  const { counters, revision, since, mode, trialMs, hasReverted, isAttached } = state;
  const { judged = '0', lost = '0', ...refusals } = counters;
  const refused = Object.entries(refusals).filter(([, count]) => count !== '0');
  const sum = refused.reduce((total, [, count]) => total + BigInt(count), 0n);
  return labeledLines(io, [
    ['guard', isAttached ? MODE_TEXTS[mode] : NOT_ATTACHED],
    ['profile', `revision ${revision}, in force since ${localTime(new Date(since))}`],
    ...trialLines(trialMs),
    ...(hasReverted ? [REVERTED] : []),
    ['binds', bindsText(judged, sum)],
    ...refused.map(([name, count]): Line => ['', `${count} ${REFUSAL_TEXTS[name] ?? name}`]),
    ...(state.namesUnits ? [] : [UNITS_BY_DAEMON]),
    ...(lost === '0' ? [] : [['events', `${lost} lost: the buffer was full`] as const]),
  ]);
}

/** The state of a guard that an older or a newer portreeve installed. */
export function otherGuardText(io: Io, guard: OtherGuard): string {
  const { isNewer, mode, revision, since, trialMs, isAttached, counters } = guard;
  const profile = revision === undefined ? 'a profile' : `revision ${revision}`;
  const { judged = 0n, lost: _lost, ...refused } = counters;
  const sum = Object.values(refused).reduce((total, count) => total + count, 0n);
  return labeledLines(io, [
    [
      'guard',
      `was installed by ${isNewer ? 'a newer' : 'an older'} portreeve, and ${OTHER_MODE_TEXTS[mode]} ${profile}`,
    ],
    ...(isAttached ? [] : [OTHER_NOT_ATTACHED]),
    ['profile', `in force since ${localTime(new Date(since))}`],
    ...trialLines(trialMs ?? null),
    ...('judged' in counters ? [['binds', bindsText(judged, sum)] as const] : []),
    ['to do', isNewer ? NEWER : OLDER],
  ]);
}

export function otherGuardJson({ abi, isNewer, mode, revision, since, trialMs, ...guard }: OtherGuard) {
  return {
    mode,
    version: isNewer ? 'newer' : 'older',
    layout: abi,
    isAttached: guard.isAttached,
    revision: revision ?? null,
    since: new Date(since).toISOString(),
    trialMs: trialMs ?? null,
    hasReverted: guard.hasReverted,
    cgroup: `${guard.cgroupId}`,
    counters: Object.fromEntries(Object.entries(guard.counters).map(([name, count]) => [name, `${count}`])),
  };
}

function trialLines(trialMs: number | null): Line[] {
  return trialMs === null
    ? []
    : [['trial', `${Math.ceil(trialMs / 1000)} s left, then the profile before it returns`]];
}

/** The counts include binds from times when the profile was only observed. */
function bindsText(allowed: bigint | string, refused: bigint): string {
  return `${allowed} allowed by the profile, ${refused} not allowed`;
}

/** How many open sockets violate the rules or need a restart; "" where there are none or that is unknown. */
export function affectedText(io: Io, affected: Pick<Impacts, 'refused' | 'restart'> | undefined): string {
  const summary = affected && impactsSummary(affected);
  return summary ? labeledLines(io, [['sockets', `${summary}: portreeve guard --restarts`]]) : '';
}

/** Where the kernel may assign ports that the enforced profile reserves. */
export function assignableText(io: Io, found: readonly AssignableIn[] | undefined): string {
  const lines = (found ?? []).map(({ name, isHome, ports, reason }) => {
    const where = isHome ? '' : ` in the network namespace ${name}`;
    if (!ports) return `could not check the reserved ports${where}: ${reason}`;
    const what = ports.length === 1 ? '1 reserved port' : `${ports.length} reserved ports`;
    return `the kernel may assign ${what}${where}. To fix it: portreeve guard enforce`;
  });
  return labeledLines(
    io,
    lines.map((line) => ['assigned', line]),
  );
}

export function assignableJson(found: readonly AssignableIn[] | undefined): object {
  const rows = found?.map(({ cookie, name, ports, reason }) => ({
    cookie: `${cookie}`,
    namespace: name,
    ports: ports ? formatPortList(new Set(ports)) : null,
    reason,
  }));
  return { assignable: rows ?? null };
}

/** Notes about the kernel's port settings. */
export function notesText(notes: readonly PortSettingNote[]): string {
  return notes
    .map(({ severity, message }) => `portreeve: ${severity === 'warning' ? 'warning: ' : ''}${message}\n`)
    .join('');
}

/** What had to be settled before the change. */
export function settledText({ countersTakenOver, revertedAs }: Settled): string {
  const counters = countersTakenOver === 'kept' ? 'continue' : 'start from zero';
  return [
    ...(countersTakenOver ? [`replaced the guard of an older portreeve; its counters ${counters}\n`] : []),
    ...(revertedAs === undefined
      ? []
      : [`a trial was not confirmed; the profile before it was recorded again, as revision ${revertedAs}\n`]),
  ].join('');
}

const REVERTED: Line = ['trial', 'not confirmed; the profile before it is in force again'];

const NOT_ATTACHED = 'does not work: its cgroup is gone, or its programs were detached';

const UNITS_BY_DAEMON: Line = [
  'units',
  'have their job only once the daemon has seen them, and until then that of their user (the kernel cannot name them)',
];

const MODE_TEXTS = {
  enforce: 'enforces the profile',
  observe: 'observes the profile: every bind is allowed',
  off: 'is loaded and does nothing',
} as const;

const REFUSAL_TEXTS: Readonly<Record<string, string>> = {
  RESERVED_FOR_NO_ONE: 'on ports that are reserved for no one',
  RESERVED_FOR_OTHERS: 'on ports that are reserved for other jobs',
  SAF_NOT_PERMITTED: 'without access to the SAF resource',
  LOW_PORT_RESTRICTED: 'on ports below 1024, by RESTRICTLOWPORTS',
  UNRESERVED_DENIED: 'on ports that are not reserved, by DENY',
  UNRESERVED_FOR_OTHERS: 'on ports that are not reserved, by UNRSV',
};

const OTHER_MODE_TEXTS = {
  enforce: 'enforces',
  observe: 'observes',
  off: 'does nothing with',
} as const;

const OTHER_NOT_ATTACHED: Line = [
  '',
  'its programs are not called: its cgroup is gone, or they were detached',
];

const OLDER = 'portreeve guard enforce (or observe) replaces it without a gap';
const NEWER = 'use that version of portreeve; this one cannot read its tables and does not change it';
