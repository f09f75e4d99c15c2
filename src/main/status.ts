// `portreeve status`: prints the status of the running daemon.

import { EXIT_CODES } from '../base/errors.ts';
import { parseDecimal } from '../base/port.ts';
import { printable } from '../base/printable.ts';
import type { Column } from '../base/table.ts';
import type { GuardReport } from '../guard/app/report.ts';
import type { DaemonHead } from '../kit/daemon-names.ts';
import type { Io } from '../kit/io.ts';
import { queryDaemon } from '../kit/query-daemon.ts';
import { counted, emphasize, firstOf, formatTable, json, labeledLines, localTime } from '../kit/text.ts';
import type { PortmapReport } from '../portmap/app/report.ts';
import { CALL_COLUMNS, callRows } from '../portmap/commands/calls.ts';
import type { StatusOptions } from './commands.ts';

/** The parts of the services that are printed. */
interface Parts {
  readonly portmap: PortmapReport;
  readonly guard: GuardReport;
}

export type DaemonStatus = DaemonHead & Parts;

export async function statusCommand(options: StatusOptions, io: Io): Promise<number> {
  const status = await queryDaemon<Parts>(io, options.runtime);
  io.out(options.json ? json(status) : statusText(io, status));
  return status.portmap.state === 'running' ? 0 : EXIT_CODES.refused;
}

/** The status as text. */
export function statusText(io: Io, status: DaemonStatus): string {
  const { portmap } = status;
  const facts: [string, string][] = [
    ['daemon', `version ${status.version}, pid ${status.pid}, since ${localTime(new Date(status.since))}`],
    ['runtime', status.runtime],
    ['portmap', portmapText(portmap)],
    ...confinementFact(portmap),
    ...countFacts(portmap),
    ...foreignFact(portmap),
    ...absentFact(portmap),
    ...guardFacts(status.guard),
  ];
  const calls = Object.entries(portmap.calls ?? {}).flatMap(([version, counts]) =>
    callRows(parseDecimal(version, 4) ?? 0, counts),
  );
  return [
    labeledLines(io, facts),
    ...(portmap.sockets.length > 0 ? [formatTable(io, SOCKET_COLUMNS, portmap.sockets)] : []),
    ...(calls.length > 0 ? [formatTable(io, CALL_COLUMNS, calls)] : []),
    ...(portmap.refusals.length > 0 ? [refusalsText(io, portmap.refusals)] : []),
  ].join('\n');
}

const SOCKET_COLUMNS: readonly Column<PortmapReport['sockets'][number]>[] = [
  { title: 'NETID', text: ({ netid }) => netid },
  { title: 'ENDPOINT', text: ({ endpoint }) => endpoint },
];

function portmapText({ state, pid, uid, rssBytes, restarts }: PortmapReport): string {
  return [
    state,
    ...(pid === null ? [] : [`pid ${pid}`]),
    ...(uid === null ? [] : [`uid ${uid}`]),
    ...(rssBytes === null ? [] : [`${(rssBytes / 2 ** 20).toFixed(1)} MiB`]),
    ...(restarts === 0 ? [] : [counted(restarts, 'restart')]),
  ].join(', ');
}

function confinementFact({ unconfined }: PortmapReport): [string, string][] {
  if (unconfined === null) return [];
  const text =
    unconfined.length === 0 ? 'fully' : `all but ${unconfined.join(', ')}, which this host does not support`;
  return [['confined', text]];
}

function countFacts({ mappings, connections, unsent, late }: PortmapReport): [string, string][] {
  const counts = [
    ...(mappings === null ? [] : [counted(mappings, 'registration')]),
    ...(connections === null ? [] : [counted(connections, 'open connection')]),
    ...(unsent === null || unsent === 0 ? [] : [`${counted(unsent, 'answer')} not sent`]),
    ...(late === null || late === 0 ? [] : [`${counted(late, 'change')} too late for an answer`]),
  ];
  return counts.length === 0 ? [] : [['serves', counts.join(', ')]];
}

function foreignFact({ foreign }: PortmapReport): [string, string][] {
  if (!foreign) return [];
  return [
    ['foreign', `${counted(foreign, 'registration')} from other network namespaces, which cannot be checked`],
  ];
}

function absentFact({ absent }: PortmapReport): [string, string][] {
  return absent.length === 0 ? [] : [['absent', `${absent.join(', ')}: this host has no such address`]];
}

/** The maximum number of unknown names that are printed. */
const UNKNOWN_SHOWN = 10;

function guardFacts(report: GuardReport): [string, string][] {
  const { mode, revision, cgroups, users, missing } = report;
  const jobs = `${counted(users, 'user')} and ${counted(cgroups, 'cgroup')} are known as jobs`;
  const text = mode === 'absent' ? 'not in the kernel' : `${mode}, revision ${revision}; ${jobs}`;
  const missed = missing.map((reason): [string, string] => ['missing', reason]);
  return [['guard', text], ...unknownFact(report), ...missed];
}

/** An older daemon does not report them. */
function unknownFact({ unknown = [] }: Partial<GuardReport>): [string, string][] {
  if (unknown.length === 0) return [];
  return [['unknown', `there is no unit or user ${firstOf(unknown, UNKNOWN_SHOWN)}`]];
}

/** Sentences, which do not fit into a column. */
function refusalsText(io: Io, refusals: readonly string[]): string {
  return [emphasize(io, 'RECENTLY REFUSED'), ...refusals.map(printable)].map((line) => `${line}\n`).join('');
}
