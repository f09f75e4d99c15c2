// The open sockets that a change of the rules affects, as a table and as JSON.

import { formatIp, hostPortText } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable } from '../../kit/text.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { Denied, Verdict } from '../../profile/core/verdict.ts';
import { type Impacts, startOf } from '../app/impact.ts';
import type { Affected } from '../app/restarts.ts';
import type { Difference, Impact } from '../core/impact.ts';

/** One line, which may represent several sockets. */
interface Row {
  readonly cells: readonly string[];
  count: number;
}

const TITLES = ['EFFECT', 'SOCKET', 'PROCESS', 'UNIT', 'USER', 'JOB', 'RULE', 'WHY'] as const;

const COLUMNS: readonly Column<Row>[] = TITLES.map((title, at) => ({
  title,
  isTruncatedLast: title === 'SOCKET',
  text: ({ cells, count }) => `${cells[at] ?? ''}${title === 'SOCKET' && count > 1 ? ` (${count})` : ''}`,
}));

/** A line for each affected socket, and below them what could not be determined; "" where there is nothing to print. */
export function impactsText(io: Io, { affected, hiddenProcesses }: Impacts): string {
  if (affected.length === 0) return hiddenText(io, hiddenProcesses);
  const rows = new Map<string, Row>();
  for (const impact of affected) {
    const cells = cellsOf(impact);
    const row = rows.get(cells.join('\n'));
    if (row) row.count++;
    else rows.set(cells.join('\n'), { cells, count: 1 });
  }
  const notes = [
    ...(affected.some(({ seen }) => seen.job === UNKNOWN) ? [UNKNOWN_TEXT] : []),
    hiddenText(io, hiddenProcesses),
  ];
  return [formatTable(io, COLUMNS, [...rows.values()]), ...notes].join('');
}

const UNKNOWN = 'UNKNOWN';
const UNKNOWN_TEXT = 'UNKNOWN: the job could not be determined; only * matches it\n';

function hiddenText({ uid }: Io, count: number): string {
  if (count === 0) return '';
  const who = count === 1 ? '1 process' : `${count} processes`;
  return `${who} could not be read${uid === 0 ? '' : '; run as root to see all owners'}\n`;
}

/** The same, with a blank line before it. */
export function impactsBelow(io: Io, impacts: Impacts): string {
  return `${impacts.affected.length === 0 ? '' : '\n'}${impactsText(io, impacts)}`;
}

function cellsOf(impact: Impact): string[] {
  const { seen, effect, after, differences, mayBeAssigned } = impact;
  const { socket, owners, unit, container, user, job } = seen;
  const [oldest] = owners;
  const why = after.allowed
    ? differences.map(differenceText).join(', ')
    : `${impact.errno}: ${refusalText(after, job)}${impact.before?.allowed === false ? ', as before' : ''}`;
  return [
    effect,
    `${socket.protocol} ${hostPortText(formatIp(socket.local.address), socket.local.port)}`,
    oldest ? `${oldest.name} (pid ${oldest.pid})` : 'unknown',
    unit ?? (container ? `${container.runtime} ${container.id}` : cgroupText(oldest?.cgroup)),
    user ?? `${socket.uid ?? '-'}`,
    job,
    ruleText(impact.rule),
    mayBeAssigned ? `${why}; unless the kernel assigned the port` : why,
  ];
}

/** For a process that is neither in a unit nor in a container. */
function cgroupText(cgroup: string | undefined): string {
  return cgroup === undefined || cgroup === '/' ? '-' : cgroup;
}

function differenceText({ what, from, to }: Difference): string {
  if (what === 'BIND') return `address ${formatIp(to)} instead of ${formatIp(from)}`;
  return to ? `gains ${what}` : `loses ${what}`;
}

function refusalText({ reason }: Denied, job: string): string {
  const reasons: Readonly<Partial<Record<Denied['reason'], string>>> = {
    RESERVED_FOR_NO_ONE: 'reserved for no one',
    RESERVED_FOR_OTHERS: `reserved, but not for ${job}`,
    SAF_NOT_PERMITTED: 'no READ access to the SAF resource',
    LOW_PORT_RESTRICTED: 'below 1024, by RESTRICTLOWPORTS',
    LOW_PORT_OF_LINUX: "below 1024, by Linux's own rule",
    UNRESERVED_DENIED: 'not reserved, by UNRSV DENY',
    UNRESERVED_FOR_OTHERS: `not reserved, and UNRSV has no entry for ${job}`,
  };
  return reasons[reason] ?? reason;
}

/** "2 violate the rules, 1 needs a restart"; undefined where there are none. */
export function impactsSummary({
  refused,
  restart,
}: Pick<Impacts, 'refused' | 'restart'>): string | undefined {
  return joined([
    [refused, refused === 1 ? 'violates the rules' : 'violate the rules'],
    [restart, restart === 1 ? 'needs a restart' : 'need a restart'],
  ]);
}

/** The same for rules that are not in force: "2 would be refused, 1 would need a restart". */
export function wouldBeSummary({ refused, restart }: Pick<Impacts, 'refused' | 'restart'>): string {
  const parts = joined([
    [refused, 'would be refused'],
    [restart, 'would need a restart'],
  ]);
  return parts ? `open sockets: ${parts}` : 'no open socket would be refused or need a restart';
}

/** After the rules changed: which sockets violate them or need a restart. No socket is closed. */
export function printAffected(io: Io, affected: Affected | PortreeveError): void {
  printUnlessUnknown(io, affected, (impacts) => {
    const summary = impactsSummary(impacts);
    return summary ? `open sockets (none was closed): ${summary}` : undefined;
  });
}

/** Before the rules change: which sockets would be refused or need a restart. */
export function printWouldBe(io: Io, affected: Affected | PortreeveError): void {
  printUnlessUnknown(io, affected, wouldBeSummary);
}

function printUnlessUnknown(
  io: Io,
  affected: Affected | PortreeveError,
  summaryOf: (impacts: Impacts) => string | undefined,
): void {
  if (affected instanceof PortreeveError) {
    const { message } = affected;
    io.err(`portreeve: warning: could not determine which open sockets that affects: ${message}\n`);
    return;
  }
  const summary = summaryOf(affected.impacts);
  if (summary) io.out(`${impactsBelow(io, affected.impacts)}${summary}\n`);
}

function joined(parts: readonly (readonly [count: number, what: string])[]): string | undefined {
  const some = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return some.length === 0 ? undefined : some.join(', ');
}

/** The output of `--json`. */
export function impactsJson(impacts: Impacts, bootMs: number) {
  const { affected, refused, restart, kept, hiddenProcesses } = impacts;
  return {
    refused,
    restart,
    kept,
    hiddenProcesses,
    sockets: affected.map((one) => jsonOf(one, bootMs)),
  };
}

function jsonOf(
  { seen, effect, after, before, rule, errno, differences, mayBeAssigned }: Impact,
  bootMs: number,
) {
  const { socket, owners, user, unit, container, job } = seen;
  const startedMs = startOf(seen, bootMs);
  return {
    effect,
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
    mayBeAssigned,
  };
}

function verdictJson({ allowed, reason, rule }: Verdict) {
  return { allowed, reason, rule: rule ?? null };
}

function differenceJson({ what, from, to }: Difference) {
  return what === 'BIND' ? { what, from: formatIp(from), to: formatIp(to) } : { what, from, to };
}
