// Where this kernel cannot do exactly what a profile states, as text and as JSON.

import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { labeledLines } from '../../kit/text.ts';
import type { GuardLacks } from '../app/kernel-limits.ts';
import type { Limit } from '../core/limits.ts';

/** Before rules are put in force: each limit with the first statement that it affects. */
export function limitsText(limits: readonly Limit[]): string {
  return limits
    .map(({ instead, why, ...limit }) => {
      const reason = why === '' ? '' : `${printable(why)}\n`;
      return `${placeOf(limit)}: note: ${printable(instead)}\n${reason}`;
    })
    .join('');
}

/** "profile.tcpip:3", "profile.tcpip:3 (and 2 more)" */
function placeOf({ statements: [first], count }: Pick<Limit, 'statements' | 'count'>): string {
  const place = first ? `${printable(first.file)}:${first.line}` : '';
  return count > 1 ? `${place} (and ${count - 1} more)` : place;
}

/** What the kernel lacks, as more lines of the state. */
export function lacksText(io: Io, { limits = [], missing }: GuardLacks): string {
  return labeledLines(io, [
    ...missing.map(
      ({ message, hint }) => ['missing', hint === '' ? message : `${message}. ${hint}`] as const,
    ),
    ...limits.map(
      (limit) => ['limit', limit.count > 0 ? `${limit.instead}: ${placeOf(limit)}` : limit.instead] as const,
    ),
  ]);
}

export function lacksJson({ limits, missing }: GuardLacks) {
  return {
    limits: limits ?? null,
    missing: missing.map(({ has, message, hint }) => ({ certain: has === false, message, hint })),
  };
}
