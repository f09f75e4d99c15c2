// RACF commands beside a profile: who may use the ports behind SAF, and what is to be said about the commands.
import type { Files } from '../../host/host.ts';
import { readUsers, type Users } from '../../job/app/users.ts';
import type { ArchivedText } from '../core/archive.ts';
import { SafTable } from '../core/saf.ts';
import { idsSpelled } from '../core/spelled-names.ts';
import type { SafCheck } from '../core/table.ts';
import { parseRacf } from '../text/racf.ts';
import { readProfileText } from './load.ts';
import { type Report, reportOf } from './report.ts';

/** What the names of SAF resources are made of: EZB.PORTACCESS.sysname.tcpname.resname. */
export interface SafNames {
  readonly sysname: string;
  readonly tcpname: string;
}

/** A file of RACF commands, and its meaning on this host. */
export interface LoadedRacf {
  readonly text: ArchivedText;
  readonly table: SafTable;
  readonly report: Report;
}

/** Where no RACF commands are given nobody is permitted: "if the user ID is not permitted, the BIND call fails". */
const NOBODY: SafCheck = { check: () => ({ permitted: false, source: undefined }) };

/** Reads a file of RACF commands. Throws PortreeveError for one that is not there, cannot be read or is no text. */
export function loadRacf(
  path: string,
  files: Pick<Files, 'readBytes' | 'readText'>,
  names: SafNames,
): LoadedRacf {
  return racfOf({ path, text: readProfileText(path, files) }, files, names);
}

/** The meaning of RACF commands that were read. */
export function racfOf(text: ArchivedText, files: Pick<Files, 'readText'>, names: SafNames): LoadedRacf {
  const { path: file } = text;
  const { commands, diagnostics } = parseRacf({ file, text: text.text });
  const table = new SafTable(commands, { ...readUsers(files), ...names });
  return { text, table, report: reportOf([...diagnostics, ...table.findings], new Map([[file, text.text]])) };
}

/** The users and groups that RACF commands name, in capitals. */
export function idsIn(text: ArchivedText | undefined): string[] {
  return text ? idsSpelled(parseRacf({ file: text.path, text: text.text }).commands) : [];
}

/** Who may use what SAF protects, by RACF commands that were read before; without any, nobody. */
export function safCheck(racf: ArchivedText | undefined, users: Users, names: SafNames): SafCheck {
  if (!racf) return NOBODY;
  const { commands } = parseRacf({ file: racf.path, text: racf.text });
  return new SafTable(commands, { ...users, ...names });
}
