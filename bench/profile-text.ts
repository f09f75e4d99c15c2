/** Profiles to measure with: lists of ports and of ranges, with comments, as long as they are wanted. */

import { SimRandom } from '../test/support/sim/random.ts';

/** One statement of so many is PORTRANGE, the others are PORT. */
const STATEMENTS = 5;
const ENTRIES_OF_STATEMENT_MAX = 50;
const RANGE_PORTS = 3;
const SEED = 1;

/** The lowest port that is reserved: some of those below 1024 are not, and some are. */
export const FIRST_PORT = 600;

const PORT_OPTIONS = [
  '',
  '',
  '',
  ' NOAUTOLOG',
  ' NODELAYACKS',
  ' SHAREPORT',
  ' BIND 192.0.2.7',
  ' SAF WEBRES',
];
const RANGE_OPTIONS = ['', '', '', ' NOAUTOLOG', ' NODELAYACKS', ' SAF WEBRES'];
const UDP_OPTIONS = /SHAREPORT|NODELAYACKS/;

/** What stands in front of the lists in a profile of a host, and is skipped. */
const HEAD = `; The profile of a host.
INTERFACE OSA1 DEFINE IPAQENET PORTNAME OSAPORT1 IPADDR 192.0.2.7/24
BEGINROUTES
  ROUTE DEFAULT 192.0.2.1 OSA1 MTU 1500   ; out
ENDROUTES
TCPCONFIG RESTRICTLOWPORTS SENDGARBAGE FALSE
AUTOLOG 5
  FTPD JOBNAME FTPD1                      ; the FTP server
ENDAUTOLOG
PORT
  UNRSV UDP JOB1*
  UNRSV UDP * DENY
`;

/** Who may use what stands behind SAF. */
export const RACF = `RDEFINE SERVAUTH EZB.PORTACCESS.*.*.WEBRES UACC(NONE)
PERMIT EZB.PORTACCESS.*.*.WEBRES CLASS(SERVAUTH) ID(WEB) ACCESS(READ)
`;

/** So many different jobs there are. */
export const JOB_NAMES = 1000;

/** The job that the entry of a port is for; ranges are for jobs that begin as this does. */
export function jobOf(port: number): string {
  return `JOB${port % JOB_NAMES}`;
}

/**
 * A profile with so many reservations, half of them for TCP and half for UDP: four entries of PORT to one of
 * PORTRANGE, of ports from FIRST_PORT on, none of which stands in another's way.
 */
export function profileText(reservations: number): string {
  const random = new SimRandom(SEED);
  const next = { TCP: FIRST_PORT, UDP: FIRST_PORT };
  const perStatement = Math.min(ENTRIES_OF_STATEMENT_MAX, Math.ceil(reservations / STATEMENTS));
  const lines: string[] = [];
  for (let done = 0; done < reservations; done++) {
    const statement = Math.floor(done / perStatement);
    const isRange = statement % STATEMENTS === STATEMENTS - 1;
    if (done % perStatement === 0) {
      lines.push('', `; Services of group ${statement}.`, isRange ? 'PORTRANGE' : 'PORT');
    }
    const protocol = done % 2 === 0 ? 'TCP' : 'UDP';
    const port = next[protocol];
    next[protocol] += isRange ? RANGE_PORTS : 1;
    const options = isRange ? RANGE_OPTIONS : PORT_OPTIONS;
    const option = options[random.integer(options.length)] ?? '';
    const allowed = protocol === 'UDP' && UDP_OPTIONS.test(option) ? '' : option;
    const ports = isRange ? `${port} ${RANGE_PORTS}` : `${port}`;
    const comment = random.integer(3) === 0 ? `   ; service ${done}` : '';
    lines.push(`  ${ports} ${protocol} ${jobOf(port)}${isRange ? '*' : ''}${allowed}${comment}`);
  }
  return `${HEAD}${lines.join('\n')}\n`;
}

/** The same profile after a week: one line of a hundred is gone, and one of a hundred is for another job. */
export function changedText(text: string): string {
  const isEntry = /^ {2}\d/;
  return text
    .split('\n')
    .filter((line, i) => !isEntry.test(line) || i % 100 !== 0)
    .map((line, i) => (isEntry.test(line) && i % 100 === 50 ? line.replace(' JOB', ' NEW') : line))
    .join('\n');
}
