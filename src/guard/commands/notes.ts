// What is to be said about the kernel's settings of ports, by each command that writes them.

import type { Io } from '../../kit/io.ts';
import type { PoolNote } from '../core/port-pools.ts';

/** Says what was not told yet; `told` are the codes of what was. */
export function tellNotes(io: Io, notes: readonly PoolNote[], told: ReadonlySet<string> = new Set()): void {
  for (const { severity, code, message } of notes) {
    if (!told.has(code)) io.err(`portreeve: ${severity === 'warning' ? 'warning: ' : ''}${message}\n`);
  }
}
