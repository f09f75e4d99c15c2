// Rejects a profile with errors for commands that evaluate it, since ignored entries would change the result.

import { PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import type { Report } from '../app/report.ts';
import { diagnosticsText, summaryText } from './diagnostics.ts';

/**
 * Prints the errors of a profile to standard error. Throws PortreeveError `PROFILE_UNSOUND` (environment) if there are
 * any, unless `keepGoing`.
 */
export function requireNoErrors(
  report: Report,
  path: string,
  { keepGoing }: { readonly keepGoing?: boolean },
  io: Io,
): void {
  if (report.counts.error === 0 || keepGoing) return;
  io.err(diagnosticsText({ ...io, columns: undefined }, report));
  const message = `${path} could not be evaluated: ${summaryText(report)}`;
  const hint = 'Fix the errors, or use --keep-going to ignore what z/OS would ignore.';
  throw new PortreeveError('PROFILE_UNSOUND', message, hint, { path, errors: report.counts.error });
}
