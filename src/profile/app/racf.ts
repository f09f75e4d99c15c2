// Loads the RACF commands of a profile: the access lists of ports with SAF, and the findings about the commands.
import type { Files } from '../../host/host.ts';
import { readUsers, type Users } from '../../job/app/users.ts';
import type { ArchivedText } from '../core/archive.ts';
import { literalIds } from '../core/literal-names.ts';
import { SafTable } from '../core/saf.ts';
import type { SafCheck } from '../core/table.ts';
import { parseRacf } from '../text/racf.ts';
import { readProfileText } from './load.ts';
import { type Report, reportOf } from './report.ts';

/** The variable qualifiers of SAF resources: EZB.PORTACCESS.sysname.tcpname.resname. */
export interface SafNames {
  readonly sysname: string;
  readonly tcpname: string;
}

/** A file of RACF commands, and its access lists on this host. */
export interface LoadedRacf {
  readonly text: ArchivedText;
  readonly table: SafTable;
  readonly report: Report;
}

/** Without RACF commands no user is permitted: "if the user ID is not permitted, the BIND call fails". */
const NO_ACCESS: SafCheck = { check: () => ({ permitted: false, source: undefined }) };

/** Reads a file of RACF commands. Throws PortreeveError for a file that is missing, unreadable or not text. */
export function loadRacf(
  path: string,
  files: Pick<Files, 'readBytes' | 'readText'>,
  names: SafNames,
): LoadedRacf {
  return racfOf({ path, text: readProfileText(path, files) }, files, names);
}

/** The access lists of RACF commands that were already read. */
export function racfOf(text: ArchivedText, files: Pick<Files, 'readText'>, names: SafNames): LoadedRacf {
  const { path: file } = text;
  const { commands, diagnostics } = parseRacf({ file, text: text.text });
  const table = new SafTable(commands, { ...readUsers(files), ...names });
  return { text, table, report: reportOf([...diagnostics, ...table.findings], new Map([[file, text.text]])) };
}

/** The users and groups that RACF commands name, in upper case. */
export function idsIn(text: ArchivedText | undefined): string[] {
  return text ? literalIds(parseRacf({ file: text.path, text: text.text }).commands) : [];
}

/** The access check of RACF commands that were already read; without commands no user is permitted. */
export function safCheck(racf: ArchivedText | undefined, users: Users, names: SafNames): SafCheck {
  if (!racf) return NO_ACCESS;
  const { commands } = parseRacf({ file: racf.path, text: racf.text });
  return new SafTable(commands, { ...users, ...names });
}
