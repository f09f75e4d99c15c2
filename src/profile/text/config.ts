// The parameters of TCPCONFIG, UDPCONFIG and GLOBALCONFIG: those about ports, and the names of the others.
import { isPort, PORT_MAX, type Port, parseDecimal } from '../../base/port.ts';
import type { Finding, Place } from '../../text/source.ts';
import { isKeyword, type Keyword, statementNamed } from './keywords.ts';
import { quoted, type Reader, syntaxProblem } from './reader.ts';
import type { ConfigStatement, Setting, SettingEntry } from './statements.ts';

type ConfigKind = ConfigStatement['kind'];

/** A parameter that has nothing to do with ports: its name, and how many words belong to it. */
type Other = readonly [keyword: Keyword, words: number];

const TCP_OTHERS: readonly Other[] = [
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

const UDP_OTHERS: readonly Other[] = [
  ['UDPCHKsum', 0],
  ['NOUDPChksum', 0],
  ['UDPQueuelimit', 0],
  ['NOUDPQueuelimit', 0],
  ['UDPRCVBufrsize', 1],
  ['UDPSENDBfrsize', 1],
];

/** How one parameter is read; undefined if the next word is none of these. */
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

/** "SMCGLOBAL AUTOSMC": its first word may stand further ahead, with other parameters of it between. */
const autoSmc: SettingReader = (reader) => {
  const next = reader.peek(1)?.word ?? '';
  if (isKeyword(next, 'AUTOSMC') || isKeyword(next, 'NOAUTOSMC')) reader.takeKeyword('SMCGlobal');
  const keyword = reader.takeKeyword('AUTOSMC', 'NOAUTOSMC');
  return keyword && { kind: 'autoSmc', isOn: keyword === 'AUTOSMC' };
};

const OURS: Readonly<Record<ConfigKind, readonly SettingReader[]>> = {
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
 * Reads the parameters of a statement, "in any order"; those that have nothing to do with ports are told as skipped.
 * GLOBALCONFIG has so many of these, with parameters of their own, that every unknown word is taken for one of them.
 */
export function readSettings(
  kind: ConfigKind,
  reader: Reader,
  isPassedOver: boolean,
  report: (finding: Finding) => void,
): SettingEntry[] {
  const settings: SettingEntry[] = [];
  const skipped: string[] = [];
  let skippedAt: Place | undefined;
  for (let token = reader.peek(); token; token = reader.peek()) {
    reader.begin();
    const setting = firstOf(OURS[kind], reader);
    const other = setting ? undefined : takeOther(kind, reader);
    if (other !== undefined) {
      skipped.push(other);
      skippedAt ??= token.place;
    }
    if (!setting && other === undefined && statementNamed(token.word)) break;
    if (!setting && other === undefined) throw syntaxProblem(token, EXPECTED[kind], '', 'PARAMETER_UNKNOWN');
    settings.push({ setting, ...reader.written(isPassedOver) });
  }
  if (skippedAt) report(parametersSkipped(kind, skipped, skippedAt));
  return settings;
}

function firstOf(readers: readonly SettingReader[], reader: Reader): Setting | undefined {
  for (const read of readers) {
    const setting = read(reader);
    if (setting) return setting;
  }
  return undefined;
}

/** Reads a parameter that has nothing to do with ports; gives its name, or undefined if the next word is none. */
function takeOther(kind: ConfigKind, reader: Reader): string | undefined {
  const word = reader.peek()?.word;
  if (word === undefined) return undefined;
  if (kind === 'GLOBALCONFIG') return takeUnknown(reader);
  const others = kind === 'TCPCONFIG' ? TCP_OTHERS : UDP_OTHERS;
  const other = others.find(([keyword]) => isKeyword(word, keyword));
  if (!other) return undefined;
  const [keyword, words] = other;
  const name = keyword.toUpperCase();
  reader.takeKeyword(keyword);
  for (let i = 0; i < words; i++) reader.take(`the value of ${name}`);
  return name;
}

/** The words of a line that are neither a parameter of ours nor a statement; undefined if the first one is. */
function takeUnknown(reader: Reader): string | undefined {
  const first = reader.peek();
  for (let token = first; token; token = reader.peek()) {
    const isOurs = UNKNOWN_END.some((keyword) => isKeyword(token.word, keyword));
    if (isOurs || statementNamed(token.word) || (token !== first && token.isFirstOfLine)) break;
    reader.take('a parameter');
  }
  return reader.peek() === first ? undefined : first?.word;
}

const UNKNOWN_END: readonly Keyword[] = [
  'EXPLICITBINDPORTRANGE',
  'NOEXPLICITBINDPORTRANGE',
  'AUTOSMC',
  'NOAUTOSMC',
];

function parametersSkipped(kind: ConfigKind, names: readonly string[], place: Place): Finding {
  const shown = names.slice(0, 12).map((name) => quoted(name).slice(1, -1));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const verb = names.length === 1 ? 'has' : 'have';
  const message = `${kind}: ${shown.join(', ')}${more} ${verb} nothing to do with who may hold a port`;
  return { severity: 'notice', code: 'PARAMETER_SKIPPED', message, hint: '', place };
}
