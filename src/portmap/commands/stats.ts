// `portreeve portmap stats`: prints the statistics that GETSTAT returns (RFC 1833 section 2.1).

import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, json } from '../../kit/text.ts';
import type { AddressStat, RemoteCallStat, RpcbStat } from '../wire/rpcbind.ts';
import { CALL_COLUMNS, type CallRow, callRows } from './calls.ts';
import { parseTimeout } from './host.ts';
import type { PortmapStatsOptions } from './index.ts';
import { queryPortmap } from './query.ts';
import { hostRpcNames } from './rpc-names.ts';

/** GETSTAT returns the statistics of version 2 first, then those of versions 3 and 4. */
const FIRST_VERSION = 2;

export async function portmapStatsCommand(
  host: string | undefined,
  options: PortmapStatsOptions,
  io: Io,
): Promise<number> {
  const timeoutMs = parseTimeout(options.timeout);
  const statistics = await queryPortmap(host, timeoutMs, io, (portmap) => portmap.getStat());
  const names = hostRpcNames();
  const nameOf = (program: number) => names.nameOf(program) ?? null;
  const versions = statistics.map((stat, at) => reportOf(stat, FIRST_VERSION + at, nameOf));
  io.out(options.json ? json(versions) : textOf(io, versions));
  return 0;
}

type Named<Stat> = Stat & { readonly name: string | null };

/** The statistics of one version of the protocol, as `--json` prints them. */
interface VersionReport {
  readonly version: number;
  readonly calls: Readonly<Record<string, number>>;
  /** The SETs and UNSETs that changed something. */
  readonly sets: number;
  readonly unsets: number;
  readonly lookups: readonly Named<AddressStat>[];
  readonly remoteCalls: readonly Named<RemoteCallStat>[];
}

function reportOf(
  stat: RpcbStat,
  version: number,
  nameOf: (program: number) => string | null,
): VersionReport {
  const { calls, sets, unsets, addresses, remoteCalls } = stat;
  const named = <Stat extends AddressStat>(each: Stat) => ({ ...each, name: nameOf(each.program) });
  return {
    version,
    calls: Object.fromEntries(callRows(version, calls).map(({ procedure, count }) => [procedure, count])),
    sets,
    unsets,
    lookups: addresses.map(named),
    remoteCalls: remoteCalls.map(named),
  };
}

/** A row; `by`: the version of the protocol that the caller used. */
type Row<Stat> = Named<Stat> & { readonly by: number };

function textOf(io: Io, versions: readonly VersionReport[]): string {
  const calls = versions.flatMap(({ version, calls, sets, unsets }) => {
    const done: Readonly<Record<string, number>> = { SET: sets, UNSET: unsets };
    return Object.entries(calls).map(([procedure, count]) => {
      return { version, procedure, count, done: done[procedure] };
    });
  });
  const lookups = versions.flatMap(({ version: by, lookups }) => lookups.map((each) => ({ ...each, by })));
  const remoteCalls = versions.flatMap(({ version: by, remoteCalls }) =>
    remoteCalls.map((each) => ({ ...each, by })),
  );
  return [
    formatTable(io, [...CALL_COLUMNS, DONE_COLUMN], calls),
    ...(lookups.length > 0 ? [formatTable(io, [...PROGRAM_COLUMNS, ...RESULT_COLUMNS], lookups)] : []),
    ...(remoteCalls.length > 0 ? [formatTable(io, REMOTE_CALL_COLUMNS, remoteCalls)] : []),
  ].join('\n');
}

/** Only SET and UNSET can succeed without a change. */
const DONE_COLUMN: Column<CallRow & { readonly done: number | undefined }> = {
  title: 'CHANGED',
  text: ({ done }) => `${done ?? '-'}`,
  isNumber: true,
};

const PROGRAM_COLUMNS: readonly Column<Row<AddressStat>>[] = [
  { title: 'VIA VERSION', text: ({ by }) => `${by}`, isNumber: true },
  { title: 'PROGRAM', text: ({ program }) => `${program}`, isNumber: true },
  { title: 'NAME', text: ({ name }) => name ?? '-' },
  { title: 'VERSION', text: ({ version }) => `${version}`, isNumber: true },
  { title: 'NETID', text: ({ netid }) => netid },
];

const RESULT_COLUMNS: readonly Column<Row<AddressStat>>[] = [
  { title: 'FOUND', text: ({ success }) => `${success}`, isNumber: true },
  { title: 'NOT FOUND', text: ({ failure }) => `${failure}`, isNumber: true },
];

const REMOTE_CALL_COLUMNS: readonly Column<Row<RemoteCallStat>>[] = [
  ...PROGRAM_COLUMNS,
  { title: 'PROCEDURE', text: ({ procedure }) => `${procedure}`, isNumber: true },
  { title: 'FORWARDED', text: ({ success }) => `${success}`, isNumber: true },
  { title: 'FAILED', text: ({ failure }) => `${failure}`, isNumber: true },
  { title: 'INDIRECT', text: ({ indirect }) => `${indirect}`, isNumber: true },
];
