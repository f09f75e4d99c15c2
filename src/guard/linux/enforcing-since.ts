// When a guard began to enforce: the time of one of its names in bpffs, which goes when the guard goes.
import { statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

/** The name that a guard always has in its directory. */
const NAME = 'config';

/**
 * In milliseconds since 1970. Undefined where that is not known: without a guard, and where the names are newer than
 * what is in force (`since`), because another portreeve's guard was taken over.
 */
export function enforcingSince(pins: string, since: number): number | undefined {
  const time = statSync(join(pins, NAME), { throwIfNoEntry: false })?.mtimeMs;
  // The time is kept in microseconds.
  return time === undefined || time >= since + 1 ? undefined : time;
}

/** Keeps that it enforces from that moment on (milliseconds since 1970). */
export function markEnforcing(pins: string, ms: number): void {
  const seconds = ms / 1000;
  utimesSync(join(pins, NAME), seconds, seconds);
}
