// A profile that is only looked at has to be without errors, or its answers would be those of another one.

import { PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import type { Report } from '../app/report.ts';
import { diagnosticsText, summaryText } from './diagnostics.ts';

/**
 * Shows the errors of a profile on standard error. Throws PortreeveError `PROFILE_UNSOUND` (environment) if there are
 * any, unless they are to be ignored.
 */
export function requireSound(
  report: Report,
  path: string,
  { keepGoing }: { readonly keepGoing?: boolean },
  io: Io,
): void {
  if (report.counts.error === 0 || keepGoing) return;
  io.err(diagnosticsText({ ...io, columns: undefined }, report));
  const message = `what ${path} means cannot be told: ${summaryText(report)}`;
  const hint = 'Mend it, or give --keep-going to ignore what z/OS would ignore.';
  throw new PortreeveError('PROFILE_UNSOUND', message, hint, { path, errors: report.counts.error });
}
