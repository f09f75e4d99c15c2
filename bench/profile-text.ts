// Generates profiles of any length for measurements: port lists and ranges with comments.

import { SimRandom } from '../test/support/sim/random.ts';

/** One of this number of statements is PORTRANGE, the others are PORT. */
const STATEMENTS = 5;
const ENTRIES_OF_STATEMENT_MAX = 50;
const RANGE_PORTS = 3;
const SEED = 1;

/** The lowest reserved port: some ports below 1024 are reserved, and some are not. */
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

/** The beginning of a host's profile, which is skipped. */
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

/** The permissions for the resource after SAF. */
export const RACF = `RDEFINE SERVAUTH EZB.PORTACCESS.*.*.WEBRES UACC(NONE)
PERMIT EZB.PORTACCESS.*.*.WEBRES CLASS(SERVAUTH) ID(WEB) ACCESS(READ)
`;

/** The number of different jobs. */
export const JOB_NAMES = 1000;

/** The job of a port. Ranges are for the pattern of this job and a wildcard. */
export function jobOf(port: number): string {
  return `JOB${port % JOB_NAMES}`;
}

/**
 * A profile with a number of reservations, half for TCP and half for UDP: four PORT entries to one PORTRANGE entry, for
 * ports from FIRST_PORT on, without conflicts.
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

/** The same profile with one of a hundred lines removed, and one of a hundred for another job. */
export function changedText(text: string): string {
  const isEntry = /^ {2}\d/;
  return text
    .split('\n')
    .filter((line, i) => !isEntry.test(line) || i % 100 !== 0)
    .map((line, i) => (isEntry.test(line) && i % 100 === 50 ? line.replace(' JOB', ' NEW') : line))
    .join('\n');
}
