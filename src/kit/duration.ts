// Parses durations: "500ms", "90s", "5m", "1h", "1d".
import { PortreeveError } from '../base/errors.ts';
import { parseDecimal } from '../base/port.ts';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const COUNT_MAX = 1_000_000_000;

/** An option that takes a duration. */
interface DurationOption {
  /** "--try" */
  readonly option: string;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Milliseconds, from a number with a unit; undefined if the text is not a duration. */
export function readDuration(text: string): number | undefined {
  const [, digits = '', unit = ''] = /^([0-9]+)(ms|[smhd])$/.exec(text) ?? [];
  const count = parseDecimal(digits, COUNT_MAX);
  const unitMs = UNITS_MS[unit];
  return count === undefined || unitMs === undefined ? undefined : count * unitMs;
}

/** The value of an option in milliseconds; a number without a unit is in seconds. Throws PortreeveError (usage). */
export function parseDuration(text: string, { option, minMs, maxMs }: DurationOption): number {
  const durationMs = readDuration(/^[0-9]+$/.test(text) ? `${text}s` : text);
  if (durationMs !== undefined && durationMs >= minMs && durationMs <= maxMs) return durationMs;
  const legal = `${option} takes ${durationText(minMs)} to ${durationText(maxMs)}`;
  const hint = `${legal}, such as 90s, 5m or 1h; a number without a unit is in seconds.`;
  throw new PortreeveError('DURATION_INVALID', `"${text}" is not a valid duration for ${option}`, hint, {
    value: text,
  });
}

/** In the largest unit that gives a whole number. */
function durationText(durationMs: number): string {
  const [unit, unitMs = 1] = Object.entries(UNITS_MS).findLast(([, each]) => durationMs % each === 0) ?? [];
  return `${durationMs / unitMs}${unit}`;
}
