// Checks a profile, with the RACF commands and the parmlib member that belong to it.
import type { Files } from '../../host/host.ts';
import type { Finding } from '../../text/source.ts';
import { checkInaddrAny } from '../core/inaddrany.ts';
import type { Profile } from '../core/rules.ts';
import type { SafTable } from '../core/saf.ts';
import { type BpxprmText, parseBpxprm } from '../text/bpxprm.ts';
import { loadProfile, type ReadingOptions, readProfileText } from './load.ts';
import { type LoadedRacf, loadRacf, type SafNames } from './racf.ts';
import { joinReports, NOTHING_TO_REPORT, type Report, reportOf } from './report.ts';

/** What belongs to a profile. */
interface CompanionOptions {
  /** Files of RACF commands, and of BPXPRMxx; undefined where there are none. */
  readonly racf: string | undefined;
  readonly bpxprm: string | undefined;
  readonly names: SafNames;
}

/** What belongs to a profile, read. */
export interface Companions {
  readonly racf: LoadedRacf | undefined;
  readonly bpxprm:
    | { readonly file: string; readonly text: string; readonly ranges: BpxprmText['ranges'] }
    | undefined;
  /** What is to be said about them alone. */
  readonly report: Report;
}

/** Reads what belongs to a profile. Throws PortreeveError for a file that is not there, unreadable or no text. */
export function readCompanions(
  files: Pick<Files, 'readBytes' | 'readText'>,
  { racf: racfPath, bpxprm: file, names }: CompanionOptions,
): Companions {
  const racf = racfPath === undefined ? undefined : loadRacf(racfPath, files, names);
  const report = racf?.report ?? NOTHING_TO_REPORT;
  if (file === undefined) return { racf, bpxprm: undefined, report };
  const text = readProfileText(file, files);
  const { ranges, diagnostics } = parseBpxprm({ file, text });
  const own = reportOf(diagnostics, new Map([[file, text]]));
  return { racf, bpxprm: { file, text, ranges }, report: joinReports(report, own) };
}

/**
 * What is to be said about a profile, by itself and with what belongs to it. `omvsJob` is the job of the kernel
 * (STARTUP_PROC of BPXPRMxx). Throws PortreeveError for a file that is not there, cannot be read or is no text.
 */
export function checkProfile(
  path: string,
  files: Pick<Files, 'readBytes'>,
  reading: ReadingOptions,
  { racf, bpxprm }: Companions,
  omvsJob?: string,
): Report {
  const { profile, report, texts } = loadProfile(path, files, reading);
  const byFile = new Map(texts.map((file) => [file.path, file.text]));
  return joinReports(
    report,
    racf ? reportOf(uncoveredResources(profile, racf.table), byFile) : NOTHING_TO_REPORT,
    bpxprm
      ? reportOf(checkInaddrAny(bpxprm.ranges, profile, omvsJob), new Map([[bpxprm.file, bpxprm.text]]))
      : NOTHING_TO_REPORT,
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
        message: `no RACF profile covers ${name}, so that nobody is permitted`,
        hint: `Define one: RDEFINE SERVAUTH ${name} UACC(NONE)`,
        place: { file, line, column: 1, length: 0 },
      },
    ];
  });
}
