// Moments as people give them to --since: RFC 3339, how long ago, or a word.
import { PortreeveError } from '../base/errors.ts';
import { parseDecimal } from '../base/port.ts';
import { parseRfc3339 } from '../text/rfc3339.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const AGO_MAX = 1_000_000_000;

/** Milliseconds since 1970-01-01 UTC. Throws PortreeveError `TIME_INVALID` (usage). */
export function parseSince(text: string, nowMs: number): number {
  const time = text === 'today' ? midnightBefore(nowMs) : (parseRfc3339(text) ?? ago(text, nowMs));
  if (time !== undefined) return time;
  const hint =
    'A time is one such as 2026-11-20T10:00:00Z, or 30s, 10m, 2h or 7d for how long ago, or today.';
  throw new PortreeveError('usage', 'TIME_INVALID', `"${text}" is not a time`, hint, { value: text });
}

/** The last midnight of the clock on the wall. */
function midnightBefore(nowMs: number): number {
  return new Date(nowMs).setHours(0, 0, 0, 0);
}

function ago(text: string, nowMs: number): number | undefined {
  const [, digits = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const count = parseDecimal(digits, AGO_MAX);
  const ms = UNITS_MS[unit];
  return count === undefined || ms === undefined ? undefined : Math.max(0, nowMs - count * ms);
}
