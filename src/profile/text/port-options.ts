// The options of PORT and PORTRANGE: a table with the rules of each, and their parser.
import { formatIp, type IpAddress, isWildcard, parseIp } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { Finding } from '../../text/source.ts';
import { fullSpelling, isKeyword, type Keyword } from './keywords.ts';
import type { Token } from './lexer.ts';
import { quoted, type Reader, semanticProblem, syntaxProblem } from './reader.ts';
import { resnameProblem } from './resname.ts';
import type { PortOptions } from './statements.ts';

/** The state that the parsers of entries share. */
export interface EntryContext {
  readonly reader: Reader;
  readonly isZos: boolean;
  readonly report: (finding: Finding) => void;
  /** The entry follows a syntax error or a block without its end word. */
  readonly isIgnored: boolean;
}

interface OptionRow<Key extends keyof PortOptions> {
  readonly keyword: Keyword;
  /** Options that set the same field exclude each other. */
  readonly sets: Key;
  /** Reads the operand, if there is one, and returns the value. */
  readonly value: (context: EntryContext) => NonNullable<PortOptions[Key]>;
  /** Whether PORTRANGE has the option too. */
  readonly isForRanges: boolean;
  /** `ignored`: no effect on UDP, which has no acknowledgments. */
  readonly udp: 'permitted' | 'ignored' | 'refused';
}

type Option = { [Key in keyof PortOptions]-?: OptionRow<Key> }[keyof PortOptions];

/** The options, in the order in which they must be given. */
const OPTIONS: readonly Option[] = [
  { keyword: 'NOAUTOLog', sets: 'autolog', value: () => false, isForRanges: true, udp: 'permitted' },
  { keyword: 'DELAYAcks', sets: 'acks', value: () => 'DELAYACKS', isForRanges: true, udp: 'ignored' },
  { keyword: 'NODELAYAcks', sets: 'acks', value: () => 'NODELAYACKS', isForRanges: true, udp: 'ignored' },
  { keyword: 'SHAREPort', sets: 'share', value: () => 'SHAREPORT', isForRanges: false, udp: 'refused' },
  { keyword: 'SHAREPORTWLM', sets: 'share', value: () => 'SHAREPORTWLM', isForRanges: false, udp: 'refused' },
  { keyword: 'BIND', sets: 'bind', value: takeAddress, isForRanges: false, udp: 'permitted' },
  { keyword: 'SAF', sets: 'saf', value: takeResname, isForRanges: true, udp: 'permitted' },
  { keyword: 'NOSMC', sets: 'smc', value: () => 'NOSMC', isForRanges: true, udp: 'refused' },
  { keyword: 'SMC', sets: 'smc', value: () => 'SMC', isForRanges: true, udp: 'refused' },
];

export const OPTION_KEYWORDS: readonly Keyword[] = OPTIONS.map(({ keyword }) => keyword);

/** Groups options that exclude each other. */
function alternativesIn(options: readonly Option[]): readonly (readonly Option[])[] {
  return [...Map.groupBy(options, ({ sets }) => sets).values()];
}

const ALTERNATIVES = alternativesIn(OPTIONS);

/** "NOAUTOLOG, DELAYACKS or NODELAYACKS" */
function namesOf(options: readonly Option[]): string {
  const names = (each: readonly Option[]) => each.map(({ keyword }) => fullSpelling(keyword)).join(' or ');
  return alternativesIn(options).map(names).join(', ');
}

const OPTION_NAMES = namesOf(OPTIONS);
const RANGE_OPTION_NAMES = namesOf(OPTIONS.filter(({ isForRanges }) => isForRanges));

export function isOption({ word }: Token): boolean {
  return OPTION_KEYWORDS.some((keyword) => isKeyword(word, keyword));
}

type Options = { -readonly [Key in keyof PortOptions]: PortOptions[Key] };

const NO_OPTIONS: PortOptions = { autolog: true };

/** Reads options "in the order in which they appear" in the diagram. Throws Problem. */
export function readOptions(context: EntryContext, protocol: Protocol, isRange: boolean): PortOptions {
  const { reader } = context;
  if (!reader.hasKeyword()) return NO_OPTIONS;
  const options: Options = { autolog: true };
  for (const alternatives of ALTERNATIVES) {
    const token = reader.peek();
    const option = alternatives.find(({ keyword }) => reader.takeKeyword(keyword) !== undefined);
    if (!token || !option) continue;
    if (isRange) refuseForRange(token, option);
    if (protocol === 'udp') refuseForUdp(token, option, context);
    set(options, option, context);
  }
  refuseLateOption(reader, isRange);
  return options;
}

function set<Key extends keyof PortOptions>(
  options: Options,
  { sets, value }: OptionRow<Key>,
  context: EntryContext,
): void {
  options[sets] = value(context);
}

function refuseForRange(token: Token, { keyword, isForRanges }: Option): void {
  if (isForRanges) return;
  const hint = `${fullSpelling(keyword)} is an option of PORT only.`;
  throw syntaxProblem(token, RANGE_OPTION_NAMES, hint, 'OPTION_PORTRANGE');
}

function refuseForUdp(token: Token, { keyword, udp }: Option, { report }: EntryContext): void {
  const name = fullSpelling(keyword);
  if (udp === 'refused') {
    throw semanticProblem(token, 'OPTION_PROTOCOL', `${name} is an option for TCP, and this is a UDP port`);
  }
  if (udp === 'permitted') return;
  const message = `${name} has no effect on UDP, which has no acknowledgments`;
  report({ severity: 'warning', code: 'OPTION_PROTOCOL', message, hint: '', place: token.place });
}

/** Refuses an option that is out of order, repeated, or excluded by another one. */
function refuseLateOption(reader: Reader, isRange: boolean): void {
  const token = reader.peek();
  if (!token || !isOption(token) || isProtocol(reader.peek(1)?.word)) return;
  const order = isRange ? RANGE_OPTION_NAMES : OPTION_NAMES;
  const hint = `Give each option once, in this order: ${order}.`;
  throw syntaxProblem(token, 'the next entry or a statement', hint, 'OPTION_ORDER');
}

function takeAddress({ reader, report }: EntryContext): IpAddress {
  refuseNextEntry(reader, 'an IP address');
  const token = reader.take('an IP address');
  const address = parseIp(token.word.toLowerCase());
  if (address) {
    warnOfAddress(address, token, report);
    return address;
  }
  throw syntaxProblem(token, 'an IP address', 'Write an address such as 192.0.2.7 or 2001:db8::7.');
}

/** Warns of addresses that probably do not have the intended effect. */
function warnOfAddress(address: IpAddress, { place }: Token, report: EntryContext['report']): void {
  const isMapped = address.family === 6 && formatIp(address).startsWith('::ffff:');
  if (!isMapped && !isWildcard(address)) return;
  const message = isMapped
    ? 'BIND treats an IPv4-mapped address as IPv6, which has no effect on IPv4 sockets'
    : 'BIND to the wildcard address has no effect';
  const hint = isMapped ? 'Write the IPv4 address: IPv6 sockets get it in mapped form.' : '';
  report({ severity: 'warning', code: 'BIND_ADDRESS', message, hint, place });
}

/** Reads the operand of SAF. Throws Problem. */
export function takeResname({ reader }: EntryContext): string {
  refuseNextEntry(reader, 'the resname of SAF');
  const token = reader.take('the resname of SAF');
  const problem = resnameProblem(token.word);
  if (problem === undefined) return token.word;
  throw semanticProblem(token, 'RESNAME', `${quoted(token.raw)} is not a valid resname: ${problem}`);
}

/** Throws if the next entry begins where an argument is expected. */
function refuseNextEntry(reader: Reader, expected: string): void {
  const token = reader.peek();
  const isEntry = token && /^[0-9]+$/.test(token.word) && isProtocol(reader.peek(1)?.word);
  if (isEntry) throw syntaxProblem(token, expected);
}

export function isProtocol(word: string | undefined): boolean {
  return word === 'TCP' || word === 'UDP';
}
