// Checks a profile, its RACF commands and its parmlib member.
import type { Files } from '../../host/host.ts';
import type { Finding } from '../../text/source.ts';
import { checkInaddrAny } from '../core/inaddrany.ts';
import type { Profile } from '../core/rules.ts';
import type { SafTable } from '../core/saf.ts';
import { type BpxprmText, parseBpxprm } from '../text/bpxprm.ts';
import { loadProfile, type ReadingOptions, readProfileText } from './load.ts';
import { type LoadedRacf, loadRacf, type SafNames } from './racf.ts';
import { EMPTY_REPORT, joinReports, type Report, reportOf } from './report.ts';

interface RelatedFileOptions {
  /** Paths of the RACF commands and of the BPXPRMxx member, if any. */
  readonly racf: string | undefined;
  readonly bpxprm: string | undefined;
  readonly names: SafNames;
}

/** The parsed RACF commands and BPXPRMxx member of a profile. */
export interface RelatedFiles {
  readonly racf: LoadedRacf | undefined;
  readonly bpxprm:
    | { readonly file: string; readonly text: string; readonly ranges: BpxprmText['ranges'] }
    | undefined;
  /** The findings about these files themselves. */
  readonly report: Report;
}

/** Reads the related files. Throws PortreeveError for a file that is missing, unreadable or not text. */
export function readRelatedFiles(
  files: Pick<Files, 'readBytes' | 'readText'>,
  { racf: racfPath, bpxprm: file, names }: RelatedFileOptions,
): RelatedFiles {
  const racf = racfPath === undefined ? undefined : loadRacf(racfPath, files, names);
  const report = racf?.report ?? EMPTY_REPORT;
  if (file === undefined) return { racf, bpxprm: undefined, report };
  const text = readProfileText(file, files);
  const { ranges, diagnostics } = parseBpxprm({ file, text });
  const own = reportOf(diagnostics, new Map([[file, text]]));
  return { racf, bpxprm: { file, text, ranges }, report: joinReports(report, own) };
}

/**
 * The findings about a profile, including those that need the related files. `omvsJob` is the job of the kernel
 * (STARTUP_PROC of BPXPRMxx). Throws PortreeveError for a file that is missing, unreadable or not text.
 */
export function checkProfile(
  path: string,
  files: Pick<Files, 'readBytes'>,
  reading: ReadingOptions,
  { racf, bpxprm }: RelatedFiles,
  omvsJob?: string,
): Report {
  const { profile, report, texts } = loadProfile(path, files, reading);
  const byFile = new Map(texts.map((file) => [file.path, file.text]));
  return joinReports(
    report,
    racf ? reportOf(uncoveredResources(profile, racf.table), byFile) : EMPTY_REPORT,
    bpxprm
      ? reportOf(checkInaddrAny(bpxprm.ranges, profile, omvsJob), new Map([[bpxprm.file, bpxprm.text]]))
      : EMPTY_REPORT,
  );
}

/** A warning for each resname that no RACF profile covers, at the first statement that has it. */
function uncoveredResources({ reservations, unreserved }: Profile, table: SafTable): Finding[] {
  const users = [...reservations.map(({ options, source }) => ({ saf: options.saf, source })), ...unreserved];
  const first = new Map(users.toReversed().map(({ saf, source }) => [saf, source]));
  return [...first].flatMap(([saf, { file, line }]): Finding[] => {
    if (saf === undefined) return [];
    const { name, profile } = table.resource(saf);
    if (profile !== undefined) return [];
    return [
      {
        severity: 'warning',
        code: 'SAF_NOT_COVERED',
        message: `no RACF profile covers ${name}, so no user is permitted`,
        hint: `Define one: RDEFINE SERVAUTH ${name} UACC(NONE)`,
        place: { file, line, column: 1, length: 0 },
      },
    ];
  });
}
