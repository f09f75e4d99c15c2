// What the commands of the guard print: its state, that of another version, and what is reported beside.

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

/** A label, and what stands behind it. */
type Line = readonly [label: string, text: string];

/** The state of the guard. */
export function stateText(io: Io, state: GuardJson): string {
  const { counters, revision, since, mode, trialMs, hasGoneBack, isAttached } = state;
  const { judged = '0', lost = '0', ...refusals } = counters;
  const refused = Object.entries(refusals).filter(([, count]) => count !== '0');
  const sum = refused.reduce((total, [, count]) => total + BigInt(count), 0n);
  return labeledLines(io, [
    ['guard', isAttached ? MODE_TEXTS[mode] : NOT_ATTACHED],
    ['profile', `revision ${revision}, in force since ${localTime(new Date(since))}`],
    ...trialLines(trialMs),
    ...(hasGoneBack ? [GONE_BACK] : []),
    ['binds', bindsText(judged, sum)],
    ...refused.map(([name, count]): Line => ['', `${count} ${REFUSAL_TEXTS[name] ?? name}`]),
    ...(state.namesUnits ? [] : [UNITS_LATE]),
    ...(lost === '0' ? [] : [['events', `${lost} found no room`] as const]),
  ]);
}

/** The state of a guard of an older or of a newer portreeve. */
export function otherGuardText(io: Io, guard: OtherGuard): string {
  const { isNewer, mode, revision, since, trialMs, isAttached, counters } = guard;
  const profile = revision === undefined ? 'a profile' : `revision ${revision}`;
  const { judged = 0n, lost: _lost, ...refused } = counters;
  const sum = Object.values(refused).reduce((total, count) => total + count, 0n);
  return labeledLines(io, [
    [
      'guard',
      `is of ${isNewer ? 'a newer' : 'an older'} portreeve, and ${OTHER_MODE_TEXTS[mode]} ${profile}`,
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
    hasGoneBack: guard.hasGoneBack,
    cgroup: `${guard.cgroupId}`,
    counters: Object.fromEntries(Object.entries(guard.counters).map(([name, count]) => [name, `${count}`])),
  };
}

function trialLines(trialMs: number | null): Line[] {
  return trialMs === null ? [] : [['trial', `${Math.ceil(trialMs / 1000)} s to go, then it goes back`]];
}

/** What was counted, whether it was enforced at the time or only observed. */
function bindsText(allowed: bigint | string, refused: bigint): string {
  return `${allowed} that the profile allows, ${refused} that it does not`;
}

/** How many sockets are held against the rules, or under rules that have changed; "" where none is known. */
export function heldText(io: Io, held: Pick<Impacts, 'refused' | 'restart'> | undefined): string {
  const summary = held && impactsSummary(held);
  return summary ? labeledLines(io, [['sockets', `${summary}: portreeve guard --restarts`]]) : '';
}

/** Where the kernel may assign ports that the enforced profile reserves. */
export function assignableText(io: Io, found: readonly AssignableIn[] | undefined): string {
  const lines = (found ?? []).map(({ name, isHome, ports, reason }) => {
    const where = isHome ? '' : ` in the network namespace ${name}`;
    if (!ports) return `the reserved ports${where} cannot be checked: ${reason}`;
    const what = ports.length === 1 ? '1 reserved port' : `${ports.length} reserved ports`;
    return `the kernel may assign ${what}${where}: portreeve guard enforce writes the list, or reports why not`;
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

/** About the kernel's settings of ports. */
export function notesText(notes: readonly PortSettingNote[]): string {
  return notes
    .map(({ severity, message }) => `portreeve: ${severity === 'warning' ? 'warning: ' : ''}${message}\n`)
    .join('');
}

/** What was settled before anything was changed. */
export function settledText({ countersTakenOver, wentBackAs }: Settled): string {
  const counters = countersTakenOver === 'kept' ? 'go on' : 'begin anew';
  return [
    ...(countersTakenOver
      ? [`the guard of an older portreeve was taken over; its counters ${counters}\n`]
      : []),
    ...(wentBackAs === undefined
      ? []
      : [`a trial was not confirmed: what was before it is recorded as revision ${wentBackAs}\n`]),
  ].join('');
}

const GONE_BACK: Line = ['trial', 'it was not confirmed: what was before it is in force'];

const NOT_ATTACHED = 'judges nothing: its cgroup is gone, or its programs were taken out of it';

const UNITS_LATE: Line = [
  'units',
  'are jobs once the daemon has seen them, and before that their users: the kernel cannot name them here',
];

const MODE_TEXTS = {
  enforce: 'enforces the profile',
  observe: 'observes: everything is allowed',
  off: 'is in the kernel and does nothing',
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
  off: 'has, and does nothing with,',
} as const;

const OTHER_NOT_ATTACHED: Line = [
  '',
  'its programs are not called: its cgroup is gone, or they were taken out of it',
];

const OLDER = 'portreeve guard enforce (or observe) takes it over, with nothing open in between';
const NEWER = 'use that version of portreeve: this one cannot read its tables, and leaves it alone';
