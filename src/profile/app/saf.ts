// Who may use what SAF protects, by the RACF commands and the users of what is in force.
import type { Files } from '../../host/host.ts';
import { readUsers } from '../../job/app/users.ts';
import { SafTable } from '../core/saf.ts';
import { parseRacf } from '../text/racf.ts';
import type { InForce } from './in-force.ts';

/** The table, with the users of this moment; undefined where no commands were given: then nobody may. */
export function safOf({ racf, options }: InForce, files: Pick<Files, 'readText'>): SafTable | undefined {
  if (!racf) return undefined;
  const names = { sysname: options?.symbols['SYSNAME'] ?? '', tcpname: options?.tcpname ?? '' };
  const { commands } = parseRacf({ file: racf.path, text: racf.text });
  return new SafTable(commands, { ...readUsers(files), ...names });
}
