// Moments as people give them to --since: RFC 3339, how long ago, or a word.
import { PortreeveError } from '../base/errors.ts';
import { parseRfc3339 } from '../text/rfc3339.ts';
import { readDuration } from './duration.ts';

/** Milliseconds since 1970-01-01 UTC. Throws PortreeveError `TIME_INVALID` (usage). */
export function parseSince(text: string, nowMs: number): number {
  const time = text === 'today' ? midnightBefore(nowMs) : (parseRfc3339(text) ?? ago(text, nowMs));
  if (time !== undefined) return time;
  const hint =
    'A time is one such as 2026-11-20T10:00:00Z, or 30s, 10m, 2h or 7d for how long ago, or today.';
  throw new PortreeveError('TIME_INVALID', `"${text}" is not a time`, hint, { value: text });
}

/** The last midnight of the clock on the wall. */
function midnightBefore(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

function ago(text: string, nowMs: number): number | undefined {
  const durationMs = readDuration(text);
  return durationMs === undefined ? undefined : Math.max(0, nowMs - durationMs);
}
