// `portreeve suggest`: ports for a server that no client gets, nobody has been assigned and nothing else holds.

import { PortreeveError } from '../../base/errors.ts';
import { jobPatternProblem } from '../../base/job.ts';
import { SUGGESTIONS_MAX } from '../../base/limits.ts';
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';
import type { Column } from '../../base/table.ts';
import type { Io } from '../../kit/io.ts';
import { formatTable, hangingLine, json } from '../../kit/text.ts';
import { portArgument } from '../../names/commands/port-arguments.ts';
import { readProfileSettings } from '../../profile/commands/settings.ts';
import { askedSystems, type SuggestedPorts, type SuggestReport, suggestPorts } from '../app/suggest.ts';
import type { PortRequest } from '../core/suggest.ts';
import { suggestDeps } from './deps.ts';
import type { SuggestOptions } from './index.ts';

/** Ports that were passed over and are told to people; programs are told more. */
const PASSED_OVER_SHOWN = 10;
const NAME = /^[^\p{C}\p{Z};]{1,64}$/u;

export async function suggestCommand(
  count: string | undefined,
  options: SuggestOptions,
  io: Io,
): Promise<number> {
  const job = options.reserve === undefined ? undefined : await jobOf(options.reserve, options, io);
  const request = {
    count: numberOf('the number of ports', count ?? '1', SUGGESTIONS_MAX),
    size: numberOf('the size of a block', options.block ?? '1', PORT_MAX),
    near: options.near === undefined ? undefined : portArgument(options.near),
    name: options.name === undefined ? undefined : nameOf(options.name),
  };
  const asked = askedSystems(options.stacks);
  const protocols: Protocol[] =
    options.protocol === 'both' ? ['tcp', 'udp'] : [options.protocol === 'udp' ? 'udp' : 'tcp'];
  const report = suggestPorts(request, asked, protocols, await suggestDeps(options.state, io));
  const isEnough = report.suggestions.length === request.count;
  const statements = job !== undefined && isEnough ? statementsOf(report, job, request.name) : undefined;
  if (options.json)
    io.out(json({ ...report, giveUp: report.giveUp ?? null, statements: statements ?? null }));
  else if (statements !== undefined) printStatements(io, statements, report, request);
  // Behind a profile goes nothing but a statement.
  else (job === undefined ? io.out : io.err)(reportText(io, report, request, options.stacks));
  return isEnough ? 0 : 1;
}

/** Reads a number of an option. Throws PortreeveError `COUNT_INVALID` (usage). */
function numberOf(what: string, text: string, max: number): number {
  const number = parseDecimal(text, max);
  if (number !== undefined && number > 0) return number;
  const message = `"${text}" cannot be ${what}`;
  throw new PortreeveError('COUNT_INVALID', message, `It is a number from 1 to ${max}.`, {
    value: text,
  });
}

function nameOf(text: string): string {
  if (NAME.test(text)) return text;
  const hint = 'A name has up to 64 characters, without blanks, control characters and ";".';
  throw new PortreeveError('SUGGEST_NAME_INVALID', `"${text}" is no name`, hint, { value: text });
}

/** The job that a statement is to name, in capitals; a pattern, or RESERVED for nobody. */
async function jobOf(text: string, options: SuggestOptions, io: Io): Promise<string> {
  const job = text.toUpperCase();
  const { reading } = await readProfileSettings(options, io);
  const problem =
    job === '' || job === 'AUTHPORT'
      ? 'it is not one that PORT can name'
      : jobPatternProblem(job, reading.zosNames ?? false);
  if (problem === undefined) return job;
  throw new PortreeveError('JOB_INVALID', `"${text}" is no job name: ${problem}`, '', {
    value: text,
  });
}

/** What reserves them, in the words of a profile. */
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
    title: 'ELSEWHERE GIVEN TO CLIENTS BY',
    text: ({ givenBy }) => (givenBy.length === 0 ? 'no system' : givenBy.join(', ')),
  },
];

/** Ports that follow each other, and against which the same speaks. */
interface PassedOverRow {
  first: number;
  last: number;
  readonly why: string;
}

const PASSED_OVER_COLUMNS: readonly Column<PassedOverRow>[] = [
  { title: 'PASSED OVER', text: ({ first, last }) => (first === last ? `${first}` : `${first}-${last}`) },
  { title: 'WHY', text: ({ why }) => why },
];

function passedOverRows(passedOver: SuggestReport['passedOver']): PassedOverRow[] {
  const rows: PassedOverRow[] = [];
  for (const { port, reasons } of passedOver) {
    const why = reasons.join('; ');
    const row = rows.find((each) => each.why === why && port >= each.first - 1 && port <= each.last + 1);
    if (!row) rows.push({ first: port, last: port, why });
    else if (port < row.first) row.first = port;
    else row.last = port;
  }
  return rows;
}

/** Nothing but the statements, so that they can be put behind a profile. */
function printStatements(io: Io, statements: string, report: SuggestReport, request: PortRequest): void {
  io.out(statements);
  if (report.known.length > 0) io.err(`portreeve: ${knownText(report, request)}`);
}

function reportText(io: Io, report: SuggestReport, request: PortRequest, stacks: string): string {
  const { suggestions, passedOver, passedOverCount, known } = report;
  const parts: string[] = [];
  if (suggestions.length > 0) parts.push(formatTable(io, COLUMNS, suggestions), reasonsText(io, report));
  if (suggestions.length > 0 && passedOver.length > 0) {
    const shown = passedOverRows(passedOver).slice(0, PASSED_OVER_SHOWN);
    const more = shown.reduce((left, { first, last }) => left - (last - first + 1), passedOverCount);
    const rest = more > 0 ? `and ${number(more)} more\n` : '';
    parts.push(formatTable(io, PASSED_OVER_COLUMNS, shown) + rest);
  }
  if (suggestions.length < request.count) parts.push(tooFew(io, report, request, stacks));
  if (known.length > 0) parts.push(knownText(report, request));
  parts.push(hangingLine(io, '', adviceText(report)));
  return parts.join('\n');
}

function knownText({ known }: SuggestReport, { name }: PortRequest): string {
  return `${name} has a port already: ${known.join('; ')}\n`;
}

/** What is true of each of them. */
function reasonsText(io: Io, { suggestions }: SuggestReport): string {
  const reasons = suggestions[0]?.reasons ?? [];
  return reasons.map((reason) => hangingLine(io, '- ', reason)).join('');
}

function adviceText({ advice }: SuggestReport): string {
  const { first, last, ports, assigned, kept, givenBy } = advice;
  return [
    `Stratus's guide advises ${first} to ${last}: of these ${number(ports)} ports`,
    `IANA has assigned ${number(assigned)} and keeps ${number(kept)},`,
    `and clients of ${givenBy.join(', ')} are given some of them.`,
  ].join(' ');
}

/** What to do where there is not enough. */
function tooFew(io: Io, report: SuggestReport, request: PortRequest, stacks: string): string {
  const { suggestions, giveUp } = report;
  const found = `${suggestions.length} of ${requestText(request)} can be had.\n`;
  if (!giveUp) {
    const without =
      'Without any system there would not be enough either: ask for fewer, or for smaller blocks.';
    return found + hangingLine(io, '', without);
  }
  const { systems, host, left, example } = giveUp;
  const range = host ? '; this host itself gives them up when net.ipv4.ip_local_port_range is narrowed' : '';
  const what = [...systems, ...(host ? ['this host'] : [])].join(', ');
  const freed = `Give up ${what}, and there are ${number(left)}, from ${example} on${range}:`;
  return [
    found,
    hangingLine(io, '', `The systems give all others to clients. ${freed}`),
    `  ${commandWithout([...systems, ...(host ? ['host'] : [])], report, request, stacks)}\n`,
  ].join('');
}

/** The same question without some systems. */
function commandWithout(
  leftOut: readonly string[],
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
    `--stacks ${[stacks, ...leftOut.map((word) => `-${word}`)].join(',')}`,
  ].join(' ');
}

/** "1,449". Without Intl, which takes 15 ms to load. */
const number = (value: number) => `${value}`.replace(/\B(?=(?:[0-9]{3})+$)/g, ',');

function requestText({ count, size }: PortRequest): string {
  const s = count === 1 ? '' : 's';
  return size === 1 ? `${number(count)} port${s}` : `${number(count)} block${s} of ${number(size)} ports`;
}
