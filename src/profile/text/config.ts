// Parses the parameters of TCPCONFIG, UDPCONFIG and GLOBALCONFIG that concern ports, and skips the others.
import { nearest } from '../../base/nearest.ts';
import { isPort, PORT_MAX, type Port, parseDecimal } from '../../base/port.ts';
import type { Finding, Place } from '../../text/source.ts';
import { isKeyword, type Keyword, statementNamed } from './keywords.ts';
import { quoted, type Reader, syntaxProblem } from './reader.ts';
import type { ConfigStatement, Setting, SettingEntry } from './statements.ts';

type ConfigKind = ConfigStatement['kind'];

/** A parameter that does not concern ports: its name, and the number of its operands. */
type SkippedParameter = readonly [keyword: Keyword, words: number];

const TCP_SKIPPED: readonly SkippedParameter[] = [
  ['CONNECTInitinterval', 1],
  ['CONNECTTimeout', 1],
  ['FINWait2time', 1],
  ['FRRTHReshold', 1],
  ['INTerval', 1],
  ['KEEPALIVEPROBEInterval', 1],
  ['KEEPALIVEPROBES', 1],
  ['MAXImumretransmittime', 1],
  ['NAGLE', 0],
  ['NONAGLE', 0],
  ['QUEUEDrtt', 1],
  ['RETRANSMITAttempts', 1],
  ['NOSELECTIVEACK', 0],
  ['SELECTIVEACK', 0],
  ['SENDGarbage', 1],
  ['TCPMAXRCVBufrsize', 1],
  ['TCPMAXSENDBufrsize', 1],
  ['TCPRCVBufrsize', 1],
  ['TCPSENDBfrsize', 1],
  ['TCPTIMEstamp', 0],
  ['NOTCPTIMEstamp', 0],
  ['TIMEWAITInterval', 1],
  ['TTLS', 0],
  ['NOTTLS', 0],
];

const UDP_SKIPPED: readonly SkippedParameter[] = [
  ['UDPCHKsum', 0],
  ['NOUDPChksum', 0],
  ['UDPQueuelimit', 0],
  ['NOUDPQueuelimit', 0],
  ['UDPRCVBufrsize', 1],
  ['UDPSENDBfrsize', 1],
];

/** Reads one parameter; undefined if the next word is another one. */
type SettingReader = (reader: Reader) => Setting | undefined;

const lowPorts: SettingReader = (reader) => {
  const keyword = reader.takeKeyword('RESTRICTLowports', 'UNRESTRICTLowports');
  return keyword && { kind: 'lowPorts', isRestricted: keyword === 'RESTRICTLowports' };
};

/** "each 1024-65535, high >= low" */
const EPHEMERAL_MIN = 1024;

const ephemeralPorts: SettingReader = (reader) => {
  if (!reader.takeKeyword('EPHEMERALPORTS')) return undefined;
  const first = takeNumber(reader, 'the lowest ephemeral port', EPHEMERAL_MIN);
  const last = takeNumber(reader, 'the highest ephemeral port', first);
  return { kind: 'ephemeralPorts', first, last };
};

const acks: SettingReader = (reader) => {
  const keyword = reader.takeKeyword('DELAYAcks', 'NODELAYAcks', 'AUTODELAYAcks');
  if (keyword === undefined) return undefined;
  const names = {
    DELAYAcks: 'DELAYACKS',
    NODELAYAcks: 'NODELAYACKS',
    AUTODELAYAcks: 'AUTODELAYACKS',
  } as const;
  return { kind: 'acks', acks: names[keyword] };
};

const explicitBindPorts: SettingReader = (reader) => {
  const keyword = reader.takeKeyword('EXPLICITBINDPORTRANGE', 'NOEXPLICITBINDPORTRANGE');
  if (keyword === undefined) return undefined;
  if (keyword === 'NOEXPLICITBINDPORTRANGE') return { kind: 'explicitBindPorts', range: undefined };
  const first = takeNumber(reader, 'the first port of the range', 1);
  const count = takeNumber(reader, 'the number of ports', 1);
  const last = Math.min(first + count - 1, PORT_MAX) as Port;
  return { kind: 'explicitBindPorts', range: { first, last } };
};

/** "SMCGLOBAL AUTOSMC": other parameters of SMCGLOBAL may stand between the two words. */
const autoSmc: SettingReader = (reader) => {
  const next = reader.peek(1)?.word ?? '';
  if (isKeyword(next, 'AUTOSMC') || isKeyword(next, 'NOAUTOSMC')) reader.takeKeyword('SMCGlobal');
  const keyword = reader.takeKeyword('AUTOSMC', 'NOAUTOSMC');
  return keyword && { kind: 'autoSmc', isOn: keyword === 'AUTOSMC' };
};

const SUPPORTED: Readonly<Record<ConfigKind, readonly SettingReader[]>> = {
  TCPCONFIG: [lowPorts, ephemeralPorts, acks],
  UDPCONFIG: [lowPorts, ephemeralPorts],
  GLOBALCONFIG: [explicitBindPorts, autoSmc],
};

const EXPECTED: Readonly<Record<ConfigKind, string>> = {
  TCPCONFIG: 'a parameter of TCPCONFIG',
  UDPCONFIG: 'a parameter of UDPCONFIG',
  GLOBALCONFIG: 'a parameter of GLOBALCONFIG',
};

/** Reads a number from `min` to 65535. Throws Problem. */
function takeNumber(reader: Reader, expected: string, min: number): Port {
  const token = reader.take(expected);
  const value = parseDecimal(token.word, PORT_MAX);
  if (value !== undefined && value >= min && isPort(value)) return value;
  throw syntaxProblem(token, `${expected} from ${min} to ${PORT_MAX}`, '', 'PORT_NUMBER');
}

/**
 * Reads the parameters of a statement, "in any order"; those that do not concern ports are reported as skipped.
 * GLOBALCONFIG has many of these, with operands, so every unknown word is taken for one of them.
 */
export function readSettings(
  kind: ConfigKind,
  reader: Reader,
  isIgnored: boolean,
  report: (finding: Finding) => void,
): SettingEntry[] {
  const settings: SettingEntry[] = [];
  const skipped: string[] = [];
  let skippedAt: Place | undefined;
  for (let token = reader.peek(); token; token = reader.peek()) {
    reader.begin();
    const setting = firstOf(SUPPORTED[kind], reader);
    const skippedName = setting ? undefined : takeSkipped(kind, reader);
    if (skippedName !== undefined) {
      skipped.push(skippedName);
      skippedAt ??= token.place;
    }
    if (!setting && skippedName === undefined) {
      if (statementNamed(token.word)) break;
      throw syntaxProblem(token, EXPECTED[kind], () => parameterHint(kind, token.word), 'PARAMETER_UNKNOWN');
    }
    settings.push({ setting, ...reader.written(isIgnored) });
  }
  if (skippedAt) report(parametersSkipped(kind, skipped, skippedAt));
  return settings;
}

/** The parameters that concern ports, for hints. */
const PARAMETERS: Readonly<Record<ConfigKind, readonly string[]>> = {
  TCPCONFIG: [
    'RESTRICTLOWPORTS',
    'UNRESTRICTLOWPORTS',
    'EPHEMERALPORTS',
    'DELAYACKS',
    'NODELAYACKS',
    'AUTODELAYACKS',
  ],
  UDPCONFIG: ['RESTRICTLOWPORTS', 'UNRESTRICTLOWPORTS', 'EPHEMERALPORTS'],
  GLOBALCONFIG: ['EXPLICITBINDPORTRANGE', 'NOEXPLICITBINDPORTRANGE', 'AUTOSMC', 'NOAUTOSMC'],
};

function parameterHint(kind: ConfigKind, word: string): string {
  const near = nearest(word, PARAMETERS[kind]);
  const known = `The parameters of ${kind} for ports are ${PARAMETERS[kind].join(', ')}.`;
  return near === undefined ? known : `Did you mean ${near}?`;
}

function firstOf(readers: readonly SettingReader[], reader: Reader): Setting | undefined {
  for (const read of readers) {
    const setting = read(reader);
    if (setting) return setting;
  }
  return undefined;
}

/** Reads a parameter that does not concern ports and returns its name; undefined if the next word is another one. */
function takeSkipped(kind: ConfigKind, reader: Reader): string | undefined {
  const word = reader.peek()?.word;
  if (word === undefined) return undefined;
  if (kind === 'GLOBALCONFIG') return takeUnknown(reader);
  const skippable = kind === 'TCPCONFIG' ? TCP_SKIPPED : UDP_SKIPPED;
  const match = skippable.find(([keyword]) => isKeyword(word, keyword));
  if (!match) return undefined;
  const [keyword, words] = match;
  const name = keyword.toUpperCase();
  reader.takeKeyword(keyword);
  for (let i = 0; i < words; i++) reader.take(`the value of ${name}`);
  return name;
}

/** Reads the words of a line up to a parameter that concerns ports or a statement; undefined if there are none. */
function takeUnknown(reader: Reader): string | undefined {
  const first = reader.peek();
  for (let token = first; token; token = reader.peek()) {
    const isSupported = PARAMETERS.GLOBALCONFIG.some((keyword) => isKeyword(token.word, keyword));
    if (isSupported || statementNamed(token.word) || (token !== first && token.isFirstOfLine)) break;
    reader.take('a parameter');
  }
  return reader.peek() === first ? undefined : first?.word;
}

function parametersSkipped(kind: ConfigKind, names: readonly string[], place: Place): Finding {
  const shown = names.slice(0, 12).map((name) => quoted(name).slice(1, -1));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const verb = names.length === 1 ? 'does not concern ports and is' : 'do not concern ports and are';
  const message = `${kind}: ${shown.join(', ')}${more} ${verb} skipped`;
  return { severity: 'notice', code: 'PARAMETER_SKIPPED', message, hint: '', place };
}
