// What commands that change the guard report beside what they are asked for.

import type { Settled } from '../app/settle.ts';
import type { PoolNote } from '../core/port-pools.ts';

/** About the kernel's settings of ports. */
export function notesText(notes: readonly PoolNote[]): string {
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
