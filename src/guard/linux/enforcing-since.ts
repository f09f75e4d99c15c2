// Stores when a guard began to enforce, as the timestamp of one of its files in bpffs, which is removed with the guard.
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** The file that every guard has. */
const NAME = 'config';

/**
 * In milliseconds since 1970. Undefined where it is unknown: without a guard, and where the file is newer than the
 * profile in force (`since`), because the guard of another portreeve was replaced.
 */
export function enforcingSince(pins: string, since: number): number | undefined {
  const time = statSync(join(pins, NAME), { throwIfNoEntry: false })?.mtimeMs;
  // The file's timestamp has a resolution of microseconds.
  return time === undefined || time >= since + 1 ? undefined : time;
}

/** `ms`: milliseconds since 1970. */
export function markEnforcing(pins: string, ms: number): void {
  const seconds = ms / 1000;
  utimesSync(join(pins, NAME), seconds, seconds);
}
