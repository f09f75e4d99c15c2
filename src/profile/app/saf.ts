// The SAF access lists of the state in force, from its RACF commands and the current users.
import type { Files } from '../../host/host.ts';
import { readUsers } from '../../job/app/users.ts';
import { SafTable } from '../core/saf.ts';
import { parseRacf } from '../text/racf.ts';
import type { InForce } from './in-force.ts';

/** The table, with the current users; undefined without RACF commands: then no user is permitted. */
export function safOf({ racf, options }: InForce, files: Pick<Files, 'readText'>): SafTable | undefined {
  if (!racf) return undefined;
  const names = { sysname: options?.symbols['SYSNAME'] ?? '', tcpname: options?.tcpname ?? '' };
  const { commands } = parseRacf({ file: racf.path, text: racf.text });
  return new SafTable(commands, { ...readUsers(files), ...names });
}
