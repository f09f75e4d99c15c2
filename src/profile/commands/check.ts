// `portreeve profile check`: reports the errors and warnings of profiles.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { checkProfile, type RelatedFiles, readRelatedFiles } from '../app/check.ts';
import { fileReport, joinReports, type Report } from '../app/report.ts';
import type { ProfileSettings } from '../app/settings.ts';
import { profileFiles } from './deps.ts';
import { diagnosticsText, githubText, summaryText } from './diagnostics.ts';
import type { ProfileCheckOptions } from './index.ts';
import { profileFile, readProfileSettings } from './settings.ts';

export async function profileCheckCommand(
  files: readonly string[],
  options: ProfileCheckOptions,
  io: Io,
): Promise<number> {
  const settings = await readProfileSettings(options, io);
  const { racf, sysname, tcpname } = settings;
  const related = readRelatedFiles(profileFiles, {
    racf,
    bpxprm: options.bpxprm,
    names: { sysname, tcpname },
  });
  const paths = files.length > 0 ? files : [profileFile(undefined, settings)];
  const checked = paths.map((path) => check(path, settings, related));
  const report = joinReports(...checked.map((each) => each.report), related.report);
  print(report, paths.length, options, io);
  return Math.max(...checked.map(({ code }) => code), report.counts.error > 0 ? EXIT_CODES.refused : 0);
}

interface Checked {
  readonly report: Report;
  readonly code: number;
}

/** Checks a file. A file that is unreadable or not text becomes a finding, so that the others are still checked. */
function check(path: string, { reading, omvsJob }: ProfileSettings, related: RelatedFiles): Checked {
  try {
    return { report: checkProfile(path, profileFiles, reading, related, omvsJob), code: 0 };
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || thrown.kind === 'bug') throw thrown;
    return { report: fileReport(path, thrown), code: EXIT_CODES[thrown.kind] };
  }
}

function print(report: Report, files: number, options: ProfileCheckOptions, io: Io): void {
  if (options.json) {
    const { error, warning, notice } = report.counts;
    const summary = { files, errors: error, warnings: warning, notices: notice, skipped: report.skipped };
    io.out(json({ diagnostics: report.diagnostics, summary }));
    return;
  }
  io.out(options.format === 'github' ? githubText(report, options) : diagnosticsText(io, report, options));
  io.out(`${summaryText(report)}\n`);
}
