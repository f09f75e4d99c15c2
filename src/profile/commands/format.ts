// `portreeve profile format`: prints or rewrites a profile in canonical form.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { canonicalProfile } from '../app/format.ts';
import { profileFiles } from './deps.ts';
import { diagnosticsText, summaryText } from './diagnostics.ts';
import type { ProfileFormatOptions } from './index.ts';
import { profileFile, readProfileSettings } from './settings.ts';

export async function profileFormatCommand(
  file: string | undefined,
  options: ProfileFormatOptions,
  io: Io,
): Promise<number> {
  const settings = await readProfileSettings(options, io);
  const path = profileFile(file, settings);
  const { text, isCanonical, report } = canonicalProfile(path, profileFiles, settings.reading);
  if (report.counts.error > 0) {
    io.err(diagnosticsText({ ...io, columns: undefined }, report));
    const message = `${path} was not formatted: ${summaryText(report)}`;
    throw new PortreeveError('PROFILE_ERRORS', message, 'Fix the errors first.');
  }
  if (options.check) {
    if (!isCanonical) io.err(`${path} is not formatted\n`);
    return isCanonical ? 0 : EXIT_CODES.refused;
  }
  if (!options.write) io.out(text);
  else if (!isCanonical) profileFiles.replaceFile(path, text);
  return 0;
}
