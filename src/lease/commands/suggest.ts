// `portreeve suggest`: prints ports for a server that do not conflict with anything, or the statement that reserves
// them.

import { PortreeveError } from '../../base/errors.ts';
import { jobPatternProblem } from '../../base/job.ts';
import { SUGGESTIONS_MAX } from '../../base/limits.ts';
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, hangingLine, json } from '../../kit/text.ts';
import { portArgument } from '../../names/commands/port-arguments.ts';
import { readProfileSettings } from '../../profile/commands/settings.ts';
import { parseSystems, type SuggestedPorts, type SuggestReport, suggestPorts } from '../app/suggest.ts';
import type { PortRequest } from '../core/suggest.ts';
import { suggestDeps } from './deps.ts';
import type { SuggestOptions } from './index.ts';

/** Rows of skipped ports in the text output. */
const SKIPPED_SHOWN_MAX = 10;
const NAME = /^[^\p{C}\p{Z};]{1,64}$/u;

export async function suggestCommand(
  count: string | undefined,
  options: SuggestOptions,
  io: Io,
): Promise<number> {
  const job = options.reserve === undefined ? undefined : await jobOf(options.reserve, options, io);
  const request = {
    count: numberOf('number of ports', count ?? '1', SUGGESTIONS_MAX),
    size: numberOf('block size', options.block ?? '1', PORT_MAX),
    near: options.near === undefined ? undefined : portArgument(options.near),
    name: options.name === undefined ? undefined : nameOf(options.name),
  };
  const selection = parseSystems(options.stacks);
  const protocols: Protocol[] =
    options.protocol === 'both' ? ['tcp', 'udp'] : [options.protocol === 'udp' ? 'udp' : 'tcp'];
  const report = suggestPorts(request, selection, protocols, await suggestDeps(options.state, io));
  const isEnough = report.suggestions.length === request.count;
  const statements = job !== undefined && isEnough ? statementsOf(report, job, request.name) : undefined;
  if (options.json)
    io.out(json({ ...report, exclusion: report.exclusion ?? null, statements: statements ?? null }));
  else if (statements !== undefined) printStatements(io, statements, report, request);
  // Standard output may be appended to a profile, and must contain nothing but statements.
  else (job === undefined ? io.out : io.err)(reportText(io, report, request, options.stacks));
  return isEnough ? 0 : 1;
}

/** Throws PortreeveError `COUNT_INVALID` (usage). */
function numberOf(what: string, text: string, max: number): number {
  const number = parseDecimal(text, max);
  if (number !== undefined && number > 0) return number;
  const message = `"${text}" is not a valid ${what}`;
  throw new PortreeveError('COUNT_INVALID', message, `Use a number from 1 to ${max}.`, {
    value: text,
  });
}

function nameOf(text: string): string {
  if (NAME.test(text)) return text;
  const hint = 'A name has at most 64 characters, and no spaces, control characters or semicolons.';
  throw new PortreeveError('SUGGEST_NAME_INVALID', `"${text}" is not a valid name`, hint, { value: text });
}

/** The uppercase job of the statement: a name, a pattern, or RESERVED. */
async function jobOf(text: string, options: SuggestOptions, io: Io): Promise<string> {
  const job = text.toUpperCase();
  const { reading } = await readProfileSettings(options, io);
  const problem =
    job === '' || job === 'AUTHPORT'
      ? 'PORT cannot name it'
      : jobPatternProblem(job, reading.zosNames ?? false);
  if (problem === undefined) return job;
  throw new PortreeveError('JOB_INVALID', `"${text}" is not a job name: ${problem}`, '', {
    value: text,
  });
}

/** The statements of a profile that reserve the ports. */
function statementsOf(
  { suggestions, protocols }: SuggestReport,
  job: string,
  name: string | undefined,
): string {
  const comment = name === undefined ? '' : `    ; ${name}`;
  const lines = suggestions.flatMap(({ first, last }) =>
    protocols.map((protocol) => {
      const ports = first === last ? `${first}` : `${first} ${last - first + 1}`;
      return `    ${ports.padStart(5)} ${protocol.toUpperCase()} ${job}${comment}\n`;
    }),
  );
  const isRange = suggestions.some(({ first, last }) => first !== last);
  return [isRange ? 'PORTRANGE\n' : 'PORT\n', ...lines].join('');
}

const COLUMNS: readonly Column<SuggestedPorts>[] = [
  { title: 'PORT', text: ({ first, last }) => (first === last ? `${first}` : `${first}-${last}`) },
  {
    title: 'EPHEMERAL ON',
    text: ({ ephemeralOn }) => (ephemeralOn.length === 0 ? 'no system' : ephemeralOn.join(', ')),
  },
];

/** Consecutive ports that were skipped for the same reasons. */
interface SkippedRow {
  first: number;
  last: number;
  readonly reason: string;
}

const SKIPPED_COLUMNS: readonly Column<SkippedRow>[] = [
  { title: 'SKIPPED', text: ({ first, last }) => (first === last ? `${first}` : `${first}-${last}`) },
  { title: 'REASON', text: ({ reason }) => reason },
];

function skippedRows(skipped: SuggestReport['skipped']): SkippedRow[] {
  const rows: SkippedRow[] = [];
  for (const { port, reasons } of skipped) {
    const reason = reasons.join('; ');
    const row = rows.find(
      (each) => each.reason === reason && port >= each.first - 1 && port <= each.last + 1,
    );
    if (!row) rows.push({ first: port, last: port, reason });
    else if (port < row.first) row.first = port;
    else row.last = port;
  }
  return rows;
}

/** Prints only the statements, so that they can be appended to a profile. */
function printStatements(io: Io, statements: string, report: SuggestReport, request: PortRequest): void {
  io.out(statements);
  if (report.existing.length > 0) io.err(`portreeve: ${existingText(report, request)}`);
}

function reportText(io: Io, report: SuggestReport, request: PortRequest, stacks: string): string {
  const { suggestions, skipped, skippedCount, existing } = report;
  const parts: string[] = [];
  if (suggestions.length > 0) parts.push(formatTable(io, COLUMNS, suggestions), reasonsText(io, report));
  if (suggestions.length > 0 && skipped.length > 0) {
    const shown = skippedRows(skipped).slice(0, SKIPPED_SHOWN_MAX);
    const more = shown.reduce((rest, { first, last }) => rest - (last - first + 1), skippedCount);
    const rest = more > 0 ? `and ${number(more)} more\n` : '';
    parts.push(formatTable(io, SKIPPED_COLUMNS, shown) + rest);
  }
  if (suggestions.length < request.count) parts.push(tooFew(io, report, request, stacks));
  if (existing.length > 0) parts.push(existingText(report, request));
  parts.push(hangingLine(io, '', adviceText(report)));
  return parts.join('\n');
}

function existingText({ existing }: SuggestReport, { name }: PortRequest): string {
  return `${name} already has a port: ${existing.join('; ')}\n`;
}

/** The reasons for choosing them, which are the same for all. */
function reasonsText(io: Io, { suggestions }: SuggestReport): string {
  const reasons = suggestions[0]?.reasons ?? [];
  return reasons.map((reason) => hangingLine(io, '- ', reason)).join('');
}

function adviceText({ advice }: SuggestReport): string {
  const { first, last, ports, assigned, reserved, ephemeralOn } = advice;
  return [
    `Stratus's guide recommends ${first}-${last}. Of these ${number(ports)} ports`,
    `IANA has assigned ${number(assigned)} and reserved ${number(reserved)},`,
    `and some are in the ephemeral range of ${ephemeralOn.join(', ')}.`,
  ].join(' ');
}

/** How to get enough ports. */
function tooFew(io: Io, report: SuggestReport, request: PortRequest, stacks: string): string {
  const { suggestions, exclusion } = report;
  const found = `Found ${suggestions.length} of ${requestText(request)}.\n`;
  if (!exclusion) {
    const advice = 'Excluding systems would not help. Request fewer ports or smaller blocks.';
    return found + hangingLine(io, '', advice);
  }
  const { systems, host, available, example } = exclusion;
  const range = host ? ' (for this host, narrow net.ipv4.ip_local_port_range)' : '';
  const excluded = [...systems, ...(host ? ['this host'] : [])].join(', ');
  const freed = `Excluding ${excluded}${range} leaves ${number(available)}, from ${example} on:`;
  return [
    found,
    hangingLine(io, '', `All others are in an ephemeral range of these systems. ${freed}`),
    `  ${commandWithout([...systems, ...(host ? ['host'] : [])], report, request, stacks)}\n`,
  ].join('');
}

/** The same command without some systems. */
function commandWithout(
  excluded: readonly string[],
  report: SuggestReport,
  request: PortRequest,
  stacks: string,
): string {
  const { count, size, near } = request;
  const [protocol, ...others] = report.protocols;
  return [
    'portreeve suggest',
    ...(count === 1 ? [] : [`${count}`]),
    ...(size === 1 ? [] : [`--block ${size}`]),
    ...(near === undefined ? [] : [`--near ${near}`]),
    ...(others.length > 0 ? [] : [`--protocol ${protocol}`]),
    `--stacks ${[stacks, ...excluded.map((word) => `-${word}`)].join(',')}`,
  ].join(' ');
}

/** "1,449". Without Intl, which takes 15 ms to load. */
const number = (value: number) => `${value}`.replace(/\B(?=(?:[0-9]{3})+$)/g, ',');

function requestText({ count, size }: PortRequest): string {
  const s = count === 1 ? '' : 's';
  return size === 1 ? `${number(count)} port${s}` : `${number(count)} block${s} of ${number(size)} ports`;
}
