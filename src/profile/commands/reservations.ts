// `portreeve reservations`: lists the reserved ports, their jobs, and the statements that reserve them.

import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, json, localTime } from '../../kit/text.ts';
import { profileInForce } from '../app/in-force.ts';
import { type LoadedProfile, loadProfile } from '../app/load.ts';
import {
  optionWords,
  type PortRow,
  portList,
  portRows,
  type SettingRow,
  settingRows,
} from '../app/reservations.ts';
import type { RevisionHead } from '../core/archive.ts';
import { ruleText } from './changes.ts';
import { archiveToRead, profileFiles } from './deps.ts';
import type { ReservationsOptions } from './index.ts';
import { requireNoErrors } from './require-no-errors.ts';
import { readProfileSettings } from './settings.ts';

interface Listing {
  readonly profile: LoadedProfile['profile'];
  readonly tcpname: string;
  /** --profile; undefined for the profile in force. */
  readonly file: string | undefined;
  /** The revision in force. */
  readonly head: RevisionHead | undefined;
}

export async function reservationsCommand(options: ReservationsOptions, io: Io): Promise<number> {
  const listing = await readListing(options, io);
  if (options.json) io.out(json(jsonOf(listing)));
  else if (options.zos) printPortList(io, listing);
  else io.out(textOf(io, listing));
  return 0;
}

async function readListing(options: ReservationsOptions, io: Io): Promise<Listing> {
  const { reading, tcpname } = await readProfileSettings(options, io);
  if (options.profile === undefined) {
    const inForce = profileInForce(archiveToRead(options.state, io));
    const { profile, head } = inForce;
    return { profile, tcpname: inForce.options?.tcpname ?? tcpname, file: undefined, head };
  }
  const { profile, report } = loadProfile(options.profile, profileFiles, reading);
  requireNoErrors(report, options.profile, options, io);
  return { profile, tcpname, file: options.profile, head: undefined };
}

function jsonOf({ profile, file, head }: Listing) {
  return {
    profile: file ?? null,
    revision: head?.number ?? null,
    ports: portRows(profile),
    settings: settingRows(profile),
  };
}

const PORT_COLUMNS: readonly Column<PortRow>[] = [
  { title: 'PORTS', text: portsText },
  { title: 'PROTOCOL', text: ({ flags }) => (flags.TCP ? 'tcp' : 'udp') },
  { title: 'FOR', text: ({ useType, jobname }) => (useType === 'JOBNAME' ? jobname : useType) },
  { title: 'OPTIONS', text: (row) => optionWords(row).join(' ') },
  { title: 'RULE', text: ({ rule }) => ruleText(rule) },
];

const SETTING_COLUMNS: readonly Column<SettingRow>[] = [
  { title: 'SETTING', text: ({ setting }) => setting },
  { title: 'VALUE', text: ({ value }) => value },
  { title: 'RULE', text: ({ rule }) => ruleText(rule) },
];

function portsText({ flags, portNumber, portNumberEnd }: PortRow): string {
  if (flags.UNRSV) return 'UNRSV';
  return portNumber === portNumberEnd ? `${portNumber}` : `${portNumber}-${portNumberEnd}`;
}

function textOf(io: Io, { profile, file, head }: Listing): string {
  const ports = portRows(profile);
  const settings = settingRows(profile);
  const heading = file === undefined ? [inForceText(head)] : [];
  const nothing = ports.length + settings.length === 0 ? ['no reservations and no settings\n'] : [];
  return [
    ...heading,
    ...nothing,
    ...(ports.length > 0 ? [formatTable(io, PORT_COLUMNS, ports)] : []),
    ...(settings.length > 0 ? [formatTable(io, SETTING_COLUMNS, settings)] : []),
  ].join('\n');
}

function inForceText(head: RevisionHead | undefined): string {
  if (!head) return 'no profile is in force\n';
  const { number, timeMs, user, uid } = head;
  const recorded = `recorded ${localTime(new Date(timeMs))} by ${user ?? `uid ${uid}`}`;
  return `revision ${number}, ${recorded}\n`;
}

/** Prints the form of NETSTAT PORTLIST; only the title differs. */
function printPortList(io: Io, { profile, tcpname }: Listing): void {
  const { lines, omitted } = portList(portRows(profile));
  const [, time = ''] = localTime(new Date(io.clock.now())).split(' ');
  const title = `${'portreeve NETSTAT PORTLIST'.padEnd(32)} TCPIP Name: ${tcpname.padEnd(15)} ${time}`;
  io.out([title, ...lines].map((line) => `${line}\n`).join(''));
  if (omitted.length === 0) return;
  io.err(`portreeve: not shown, since the list has no flag for them: ${omitted.join(', ')}\n`);
}
