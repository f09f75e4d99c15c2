// Parses the value of --since: an RFC 3339 time, an age, or "today".
import { PortreeveError } from '../base/errors.ts';
import { parseRfc3339 } from '../text/rfc3339.ts';
import { readDuration } from './duration.ts';

/** Milliseconds since 1970-01-01 UTC. Throws PortreeveError `TIME_INVALID` (usage). */
export function parseSince(text: string, nowMs: number): number {
  const time = text === 'today' ? midnightBefore(nowMs) : (parseRfc3339(text) ?? ago(text, nowMs));
  if (time !== undefined) return time;
  const hint =
    'Use an RFC 3339 time such as 2026-11-20T10:00:00Z, an age such as 30s, 10m, 2h or 7d, or today.';
  throw new PortreeveError('TIME_INVALID', `"${text}" is not a time`, hint, { value: text });
}

/** The last midnight in local time. */
function midnightBefore(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

function ago(text: string, nowMs: number): number | undefined {
  const durationMs = readDuration(text);
  return durationMs === undefined ? undefined : Math.max(0, nowMs - durationMs);
}
