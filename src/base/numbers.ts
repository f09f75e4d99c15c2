// The one place where a big integer becomes a number, and only where nothing of it is lost.
import { PortreeveError } from './errors.ts';

/** The same integer as a number. Throws PortreeveError (bug) `NUMBER_INEXACT` if a double cannot hold it exactly. */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new PortreeveError('NUMBER_INEXACT', `${value} has more bits than a number holds`);
}
