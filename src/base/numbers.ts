// Converts a bigint to a number without loss of precision.
import { PortreeveError } from './errors.ts';

/** Throws PortreeveError `NUMBER_INEXACT` (bug) if a double cannot represent the value exactly. */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new PortreeveError('NUMBER_INEXACT', `${value} is too large to be represented exactly`);
}
