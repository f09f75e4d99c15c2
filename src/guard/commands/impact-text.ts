// The sockets that a change of the rules concerns: a table for people, and JSON.

import { formatIp, hostPortText } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable } from '../../kit/text.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { Denied, Verdict } from '../../profile/core/verdict.ts';
import { type Impacts, startOf } from '../app/impact.ts';
import type { Concerned } from '../app/restarts.ts';
import type { Difference, Impact } from '../core/impact.ts';

/** A line, and how many sockets it stands for. */
interface Row {
  readonly cells: readonly string[];
  count: number;
}

const TITLES = ['FATE', 'SOCKET', 'PROCESS', 'UNIT', 'USER', 'JOB', 'RULE', 'WHY'] as const;

const COLUMNS: readonly Column<Row>[] = TITLES.map((title, at) => ({
  title,
  text: ({ cells, count }) => `${cells[at] ?? ''}${title === 'SOCKET' && count > 1 ? ` (${count})` : ''}`,
}));

/** A line for each socket that is concerned, and below it what could not be told; "" where none is. */
export function impactsText(io: Io, { concerned, notSeen }: Impacts): string {
  if (concerned.length === 0) return notSeenText(io, notSeen);
  const rows = new Map<string, Row>();
  for (const impact of concerned) {
    const cells = cellsOf(impact);
    const row = rows.get(cells.join('\n'));
    if (row) row.count++;
    else rows.set(cells.join('\n'), { cells, count: 1 });
  }
  const notes = [
    ...(concerned.some(({ seen }) => seen.job === UNKNOWN) ? [UNKNOWN_TEXT] : []),
    notSeenText(io, notSeen),
  ];
  return [formatTable(io, COLUMNS, [...rows.values()]), ...notes].join('');
}

const UNKNOWN = 'UNKNOWN';
const UNKNOWN_TEXT = 'UNKNOWN: the job cannot be told, and only * matches it\n';

function notSeenText({ uid }: Io, count: number): string {
  if (count === 0) return '';
  const who = count === 1 ? '1 process has' : `${count} processes have`;
  return `what ${who} open could not be seen${uid === 0 ? '' : ': root sees more'}\n`;
}

/** The same below something else, apart from it. */
export function impactsBelow(io: Io, impacts: Impacts): string {
  return `${impacts.concerned.length === 0 ? '' : '\n'}${impactsText(io, impacts)}`;
}

function cellsOf(impact: Impact): string[] {
  const { seen, fate, after, differences, mayBeChosen } = impact;
  const { socket, owners, unit, container, user, job } = seen;
  const [oldest] = owners;
  const why = after.allowed
    ? differences.map(differenceText).join(', ')
    : `${impact.errno}: ${refusalText(after, job)}${impact.before?.allowed === false ? ', as before' : ''}`;
  return [
    fate,
    `${socket.protocol} ${hostPortText(formatIp(socket.local.address), socket.local.port)}`,
    oldest ? `${oldest.name}[${oldest.pid}]` : 'not seen',
    unit ?? (container ? `${container.runtime} ${container.id}` : cgroupText(oldest?.cgroup)),
    user ?? `${socket.uid ?? '-'}`,
    job,
    ruleText(impact.rule),
    mayBeChosen ? `${why}; unless the kernel chose the port` : why,
  ];
}

/** Where it is that is neither in a unit nor in a container. */
function cgroupText(cgroup: string | undefined): string {
  return cgroup === undefined || cgroup === '/' ? '-' : cgroup;
}

function differenceText({ what, has, gets }: Difference): string {
  if (what === 'BIND') return `gets ${formatIp(gets)} in the place of ${formatIp(has)}`;
  return gets ? `gets ${what}` : `loses ${what}`;
}

function refusalText({ reason }: Denied, job: string): string {
  const reasons: Readonly<Partial<Record<Denied['reason'], string>>> = {
    RESERVED_FOR_NO_ONE: 'reserved for no one',
    RESERVED_FOR_OTHERS: `reserved, and not for ${job}`,
    SAF_NOT_PERMITTED: 'no READ access to the SAF resource',
    LOW_PORT_RESTRICTED: 'below 1024, and RESTRICTLOWPORTS',
    LOW_PORT_OF_LINUX: 'below 1024, which Linux keeps',
    UNRESERVED_DENIED: 'not reserved, and UNRSV says DENY',
    UNRESERVED_FOR_OTHERS: `not reserved, and UNRSV has no entry for ${job}`,
  };
  return reasons[reason] ?? reason;
}

/** "2 are held against the rules, 1 has to be restarted"; undefined where none is concerned. */
export function impactsSummary({
  refused,
  restart,
}: Pick<Impacts, 'refused' | 'restart'>): string | undefined {
  return joined([
    [refused, refused === 1 ? 'is held against the rules' : 'are held against the rules'],
    [restart, restart === 1 ? 'has to be restarted' : 'have to be restarted'],
  ]);
}

/** The same of rules that are not in force: "2 would be refused, 1 would have to be restarted". */
export function wouldBeSummary({ refused, restart }: Pick<Impacts, 'refused' | 'restart'>): string {
  const parts = joined([
    [refused, 'would be refused'],
    [restart, 'would have to be restarted'],
  ]);
  return parts
    ? `open now: ${parts}`
    : 'no socket that is open now would be refused, or have to be restarted';
}

/** After the rules have changed: who holds a port against them, or has to be restarted. Nothing is closed. */
export function printConcerned(io: Io, concerned: Concerned | PortreeveError): void {
  printUnlessUnknown(io, concerned, (impacts) => {
    const summary = impactsSummary(impacts);
    return summary ? `open already, and left alone: ${summary}` : undefined;
  });
}

/** Before the rules change: who would be refused, or would have to be restarted. */
export function printWouldBe(io: Io, concerned: Concerned | PortreeveError): void {
  printUnlessUnknown(io, concerned, wouldBeSummary);
}

function printUnlessUnknown(
  io: Io,
  concerned: Concerned | PortreeveError,
  summaryOf: (impacts: Impacts) => string | undefined,
): void {
  if (concerned instanceof PortreeveError) {
    const { message } = concerned;
    io.err(`portreeve: warning: which open sockets that concerns cannot be told: ${message}\n`);
    return;
  }
  const summary = summaryOf(concerned.impacts);
  if (summary) io.out(`${impactsBelow(io, concerned.impacts)}${summary}\n`);
}

function joined(parts: readonly (readonly [count: number, what: string])[]): string | undefined {
  const some = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return some.length === 0 ? undefined : some.join(', ');
}

/** As `--json` prints them. */
export function impactsJson(impacts: Impacts, bootMs: number) {
  const { concerned, refused, restart, kept, notSeen } = impacts;
  return { refused, restart, kept, notSeen, sockets: concerned.map((one) => jsonOf(one, bootMs)) };
}

function jsonOf(
  { seen, fate, after, before, rule, errno, differences, mayBeChosen }: Impact,
  bootMs: number,
) {
  const { socket, owners, user, unit, container, job } = seen;
  const startedMs = startOf(seen, bootMs);
  return {
    fate,
    protocol: socket.protocol,
    address: formatIp(socket.local.address),
    port: socket.local.port,
    state: socket.state,
    job,
    uid: socket.uid ?? null,
    user: user ?? null,
    unit: unit ?? null,
    container: container ?? null,
    cgroup: owners[0]?.cgroup ?? null,
    started: startedMs === undefined ? null : new Date(startedMs).toISOString(),
    processes: owners.map(({ pid, name, command, uid }) => ({ pid, name, command, uid })),
    errno: errno ?? null,
    reason: after.reason,
    rule: rule ?? null,
    before: before ? verdictJson(before) : null,
    differences: differences.map(differenceJson),
    mayBeChosen,
  };
}

function verdictJson({ allowed, reason, rule }: Verdict) {
  return { allowed, reason, rule: rule ?? null };
}

function differenceJson({ what, has, gets }: Difference) {
  return what === 'BIND' ? { what, has: formatIp(has), gets: formatIp(gets) } : { what, has, gets };
}
