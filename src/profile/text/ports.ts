// Parses the entries of PORT, PORTRANGE and DELETE.
import { hasWildcard, jobPatternProblem } from '../../base/job.ts';
import { nearest } from '../../base/nearest.ts';
import { isPort, PORT_MAX, type Port, type Protocol, parseDecimal } from '../../base/port.ts';
import type { Finding } from '../../text/source.ts';
import { fullSpelling, isKeyword, type Keyword, STATEMENT_NAMES, statementNamed } from './keywords.ts';
import type { Token } from './lexer.ts';
import {
  type EntryContext,
  isOption,
  isProtocol,
  OPTION_KEYWORDS,
  readOptions,
  takeResname,
} from './port-options.ts';
import {
  commonMistakeHint,
  errorAt,
  Problem,
  quoted,
  type Reader,
  semanticProblem,
  syntaxProblem,
} from './reader.ts';
import type { PortEntry, PortOptions, RangeEntry, UnreservedEntry, Use } from './statements.ts';

const PORT_NUMBER = `a port from 1 to ${PORT_MAX}`;

/** Whether an entry begins at the next word: a number, UNRSV, or any word before TCP or UDP. */
export function isEntryStart(reader: Reader): boolean {
  const token = reader.peek();
  if (!token) return false;
  return /^[0-9]/.test(token.word) || token.word === 'UNRSV' || isProtocol(reader.peek(1)?.word);
}

/** An entry of PORT. Throws Problem. */
export function readPortEntry(context: EntryContext): PortEntry | UnreservedEntry {
  const { reader } = context;
  reader.begin();
  if (reader.takeKeyword('UNRSV')) return readUnreserved(context);
  const port = takePort(reader, 'a port number or UNRSV');
  const protocol = takeProtocol(reader);
  const { use, options } = takeUse(context, protocol, false);
  return { kind: 'port', port, protocol, use, options, ...reader.written(context.isIgnored) };
}

/** An entry of PORTRANGE. Throws Problem. */
export function readRangeEntry(context: EntryContext): RangeEntry {
  const { reader } = context;
  reader.begin();
  const unreserved = reader.peek();
  if (unreserved?.word === 'UNRSV') {
    throw syntaxProblem(unreserved, 'a port number', 'UNRSV is an entry of PORT only.', 'OPTION_PORTRANGE');
  }
  const first = takePort(reader, 'the first port of a range');
  const { last, clipped } = takeCount(reader, first);
  const protocol = takeProtocol(reader);
  const { use, options } = takeUse(context, protocol, true);
  if (clipped) context.report(clipped);
  return { kind: 'range', first, last, protocol, use, options, ...reader.written(context.isIgnored) };
}

function takePort(reader: Reader, expected: string): Port {
  const token = reader.take(expected);
  const value = parseDecimal(token.word, PORT_MAX);
  if (value !== undefined && isPort(value)) return value;
  throw syntaxProblem(token, PORT_NUMBER, () => portHint(token.word), 'PORT_NUMBER');
}

/** The words that can follow a complete entry. */
const WORDS_AFTER_ENTRIES: readonly string[] = [
  'UNRSV',
  ...[...OPTION_KEYWORDS, ...STATEMENT_NAMES.map(({ keyword }) => keyword)].map(fullSpelling),
];

function portHint(word: string): string {
  const range = /^([0-9]{1,5})-([0-9]{1,5})$/.exec(word);
  const first = parseDecimal(range?.[1] ?? '', PORT_MAX);
  const last = parseDecimal(range?.[2] ?? '', PORT_MAX);
  if (first !== undefined && last !== undefined && last >= first) {
    return `Write a range as PORTRANGE ${first} ${last - first + 1}: its first port and the number of ports.`;
  }
  const service = /^([0-9]{1,5})\/(TCP|UDP)$/.exec(word);
  if (service) return `Write ${service[1]} ${service[2]}.`;
  if (/^0+$/.test(word)) return 'Port 0 stands for any port; it cannot be reserved.';
  if (/^[0-9]+$/.test(word)) return `The highest port is ${PORT_MAX}.`;
  if (/^[A-Z]/.test(word)) {
    const near = nearest(word, WORDS_AFTER_ENTRIES);
    return near === undefined ? '' : `Did you mean ${near}?`;
  }
  return 'Write a port in decimal digits only.';
}

/** "The ports up to 65535 are reserved and those greater than 65535 are ignored" (PORTRANGE, num_ports). */
function takeCount(reader: Reader, first: Port): { last: Port; clipped?: Finding } {
  const token = reader.take('the number of ports');
  const count = parseDecimal(token.word, PORT_MAX);
  if (count === undefined || count === 0) {
    throw syntaxProblem(
      token,
      `a number of ports from 1 to ${PORT_MAX}`,
      countHint(token.word),
      'PORT_NUMBER',
    );
  }
  const last = first + count - 1;
  if (isPort(last)) return { last };
  const message = `${count} ports from ${first} exceed ${PORT_MAX}: only ${first}-${PORT_MAX} is reserved`;
  const hint = `Write PORTRANGE ${first} ${PORT_MAX - first + 1}.`;
  const clipped: Finding = { severity: 'warning', code: 'RANGE_CLIPPED', message, hint, place: token.place };
  return { last: PORT_MAX as Port, clipped };
}

function countHint(word: string): string {
  if (isProtocol(word))
    return 'PORTRANGE needs the first port and the number of ports; reserve a single port with PORT.';
  return word === '0' ? 'A range has at least one port.' : '';
}

function takeProtocol(reader: Reader): Protocol {
  const token = reader.take('TCP or UDP');
  if (token.word === 'TCP') return 'tcp';
  if (token.word === 'UDP') return 'udp';
  const hint = /^(TCP.UDP|UDP.TCP|ANY|BOTH)$/.test(token.word)
    ? 'Write one entry for TCP and one for UDP.'
    : '';
  throw syntaxProblem(token, 'TCP or UDP', hint);
}

function takeUse(
  context: EntryContext,
  protocol: Protocol,
  isRange: boolean,
): { use: Use; options: PortOptions } {
  const { reader } = context;
  const token = takeJob(context, isRange ? 'a job name, RESERVED or AUTHPORT' : 'a job name or RESERVED');
  if (token.word === 'AUTHPORT' && !isRange) {
    throw syntaxProblem(token, 'a job name or RESERVED', 'AUTHPORT is an entry of PORTRANGE only.');
  }
  if (token.word === 'AUTHPORT' && protocol === 'udp') {
    throw semanticProblem(token, 'OPTION_PROTOCOL', 'AUTHPORT is for TCP, and this is a range of UDP ports');
  }
  if (token.word === 'RESERVED' || token.word === 'AUTHPORT') {
    refuseOptions(reader, token.word);
    return { use: { kind: token.word }, options: { autolog: true } };
  }
  const use: Use = { kind: 'JOB', pattern: patternOf(token.word) };
  return { use, options: readOptions(context, protocol, isRange) };
}

/** Several asterisks are equivalent to one. */
const patternOf = (word: string): string => word.replace(/[*]+/g, '*');

/** Reads a job name or a pattern, or RESERVED or AUTHPORT. */
function takeJob(context: EntryContext, expected: string): Token {
  const { reader, isZos, report } = context;
  const token = reader.peek();
  const isNextEntry = token && /^[0-9]+$/.test(token.word) && isProtocol(reader.peek(1)?.word);
  const statement = token && statementNamed(token.word);
  const isNextStatement =
    token?.isFirstOfLine === true && statement !== undefined && statement.kind !== 'SKIPPED';
  if (token && (isNextEntry || isNextStatement))
    throw syntaxProblem(token, expected, 'The job name is missing.');
  const job = reader.take(expected);
  const problem = jobPatternProblem(job.word, isZos);
  if (problem !== undefined) throw jobProblem(job, expected, problem);
  if (statement) {
    const message = `${job.word} is also the name of a statement; it is read as a job name here`;
    report({ severity: 'warning', code: 'JOB_LIKE_STATEMENT', message, hint: '', place: job.place });
  }
  return job;
}

function jobProblem(token: Token, expected: string, problem: string): Problem {
  const hint = commonMistakeHint(token) ?? '';
  const message = `${quoted(token.raw)} was found and ${expected} was expected: ${problem}`;
  return new Problem(errorAt(token.place, 'JOB', message, hint, 'EZZ0318I'), true);
}

function refuseOptions(reader: Reader, word: string): void {
  const token = reader.peek();
  if (!token || !isOption(token) || isProtocol(reader.peek(1)?.word)) return;
  throw syntaxProblem(token, 'the next entry or a statement', `${word} has no options: only job names do.`);
}

/** `UNRSV TCP|UDP job|* [DENY | SAF resname] [WHENLISTEN | WHENBIND]` */
function readUnreserved(context: EntryContext): UnreservedEntry {
  const { reader } = context;
  const protocol = takeProtocol(reader);
  const job = takeJob(context, 'a job name or *');
  if (job.word === 'RESERVED' || job.word === 'AUTHPORT') {
    throw syntaxProblem(
      job,
      'a job name or *',
      `${job.word} is for reserved ports; to deny unreserved ports, write * DENY.`,
    );
  }
  const denyToken = reader.peek();
  const isDenied = reader.takeKeyword('DENY') !== undefined;
  const saf = !isDenied && reader.takeKeyword('SAF') ? takeResname(context) : undefined;
  const whenToken = reader.peek();
  const when = reader.takeKeyword('WHENLISTEN', 'WHENBIND');
  refuseWhenOfUdp(whenToken, when, protocol);
  refuseOtherOptions(reader);
  const entry: UnreservedEntry = {
    kind: 'unreserved',
    protocol,
    pattern: patternOf(job.word),
    isDenied,
    ...(saf === undefined ? {} : { saf }),
    ...(when === undefined ? {} : { when }),
    ...reader.written(context.isIgnored),
  };
  if (isDenied && entry.pattern !== '*' && denyToken) throw new DenyProblem(denyToken, hasWildcard(job.word));
  return entry;
}

function refuseWhenOfUdp(token: Token | undefined, when: string | undefined, protocol: Protocol): void {
  if (!token || when !== 'WHENLISTEN' || protocol !== 'udp') return;
  throw semanticProblem(token, 'OPTION_PROTOCOL', 'WHENLISTEN is for TCP: a UDP socket does not listen');
}

const UNRESERVED_WORDS: readonly Keyword[] = ['DENY', 'SAF', 'WHENLISTEN', 'WHENBIND', ...OPTION_KEYWORDS];

function refuseOtherOptions(reader: Reader): void {
  const token = reader.peek();
  if (!token || isProtocol(reader.peek(1)?.word)) return;
  if (!UNRESERVED_WORDS.some((keyword) => isKeyword(token.word, keyword))) return;
  const hint =
    'UNRSV has these options, in this order: DENY (with * only) or SAF resname, then WHENLISTEN or WHENBIND.';
  throw syntaxProblem(token, 'the next entry or a statement', hint, 'OPTION_ORDER');
}

/** "The entire PORT statement is ignored" (EZZ0146I). */
export class DenyProblem extends Problem {
  constructor(token: Token, isPattern: boolean) {
    const message = `DENY on line ${token.place.line} can only be used with the job name *`;
    const hint = isPattern
      ? 'A pattern with other characters is not allowed.'
      : 'Permit the other jobs by name, and write * DENY for the rest.';
    super(errorAt(token.place, 'UNRSV_DENY_JOB', message, hint, 'EZZ0146I'), false);
  }
}
