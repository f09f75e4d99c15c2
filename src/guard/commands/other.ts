// What `portreeve guard` shows of a guard of another version: that of an older or of a newer portreeve.

import { EXIT_CODES } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize, json, localTime } from '../../kit/text.ts';
import type { OtherGuard } from '../app/kernel/pinned.ts';

const MODE_TEXTS = { enforce: 'enforces', observe: 'observes', off: 'has, and does nothing with,' } as const;

/** Shows it; gives the exit code of `portreeve guard`. */
export function tellOtherGuard(guard: OtherGuard, isJson: boolean, io: Io): number {
  io.out(isJson ? json(otherGuardJson(guard)) : otherGuardText(io, guard));
  return guard.mode === 'enforce' && guard.isAttached ? 0 : EXIT_CODES.refused;
}

function otherGuardJson({ abi, isNewer, mode, revision, since, trialMs, ...guard }: OtherGuard) {
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

function otherGuardText(io: Io, guard: OtherGuard): string {
  const { isNewer, mode, revision, since, trialMs, isAttached, counters } = guard;
  const profile = revision === undefined ? 'a profile' : `revision ${revision}`;
  const { judged = 0n, lost: _lost, ...refused } = counters;
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0n);
  const facts: [string, string][] = [
    ['guard', `is of ${isNewer ? 'a newer' : 'an older'} portreeve, and ${MODE_TEXTS[mode]} ${profile}`],
    ...(isAttached ? [] : [['', NOT_ATTACHED] as [string, string]]),
    ['profile', `in force since ${localTime(new Date(since))}`],
    ...(trialMs === undefined
      ? []
      : [['trial', `${Math.ceil(trialMs / 1000)} s to go, then it goes back`] as [string, string]]),
    ...('judged' in counters ? [['binds', bindsText(judged, refusals)] as [string, string]] : []),
    ['to do', isNewer ? NEWER : OLDER],
  ];
  return facts.map(([name, text]) => `${emphasize(io, name.padEnd(8))}  ${text}\n`).join('');
}

/** What was counted, whether it was enforced at the time or only observed. */
export function bindsText(allowed: bigint | string, refused: bigint): string {
  return `${allowed} that the profile allows, ${refused} that it does not`;
}

const NOT_ATTACHED = 'its programs are not called: its cgroup is gone, or they were taken out of it';
const OLDER = 'portreeve guard enforce (or observe) takes it over, with nothing open in between';
const NEWER = 'use that version of portreeve: this one cannot read its tables, and leaves it alone';
