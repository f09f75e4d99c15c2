// What a port is, and the one parser for ports as people type them: "80", "tcp/80", "ssh", "8000-8010/udp".
import { PortreeveError } from './errors.ts';
import { PORTS_ASKED_MAX } from './limits.ts';
import { nearest } from './nearest.ts';

declare const portBrand: unique symbol;

/** A TCP or UDP port that a socket can be bound to: 1 to 65535. */
export type Port = number & { readonly [portBrand]: true };

/** The transports that have ports. */
export type Protocol = 'tcp' | 'udp';

/** Ports from the first to the last. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const PORT_MIN = 1;
export const PORT_MAX = 65535;
/** The length of a table by port; 0, which is not a port, has a place in it. */
export const PORTS = PORT_MAX + 1;
/** The ports that RESTRICTLOWPORTS is about, and that Linux keeps for CAP_NET_BIND_SERVICE (ip(7)): below this one. */
export const LOW_PORTS_END = 1024;

/** The well-known port of the port mapper (RFC 1833 section 3.2). */
export const PORTMAP_PORT = 111 as Port;

export function isPort(value: number): value is Port {
  return Number.isInteger(value) && value >= PORT_MIN && value <= PORT_MAX;
}

/**
 * The value of a text of decimal digits, or undefined if it has anything else in it or exceeds `max`.
 * Signs, blanks, leading zeros of more than ten digits, hexadecimal and exponents are not numbers here.
 */
export function parseDecimal(text: string, max: number): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) value = value * 10 + (text.charCodeAt(i) - 48);
  return value <= max ? value : undefined;
}

/** Consecutive ports of one protocol, or of both. */
export interface AskedPorts extends PortRange {
  /** Undefined stands for both. */
  readonly protocol: Protocol | undefined;
}

/** The names of services on a host. */
export interface ServiceLookup {
  /** The port of that name, as getservbyname(3) gives it; of either protocol where none is given. */
  portOf(name: string, protocol: Protocol | undefined): number | undefined;
  /** Every name. */
  readonly names: readonly string[];
}

/** What one argument takes; each field that is left out takes everything. */
export interface PortForm {
  /** Whether a range has no meaning. */
  readonly isSingle?: boolean;
  /** Whether a protocol has to be there, or has no meaning. */
  readonly protocol?: 'required' | 'meaningless';
  /** Whether port 0 has a meaning: any port, which the kernel chooses. */
  readonly takesZero?: boolean;
}

/** RFC 6335 section 5.1 demands a letter; /etc/services has names with some more marks. */
const NAME = /^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._+*-]*$/;
const NUMBERS = /^:?([0-9]+)(?:-([0-9]+))?$/;

/** Makes the error of a problem with the text; a suggestion comes before what would be legal. */
type Refuse = (problem?: string, suggestion?: string) => PortreeveError;

/**
 * Reads a port or a range. `services` is called only for a name, and a name without it is none.
 * Throws PortreeveError `PORT_INVALID` (usage).
 */
export function parsePortRange(
  text: string,
  form: PortForm = {},
  services?: () => ServiceLookup,
): AskedPorts {
  const refuse: Refuse = (problem, suggestion = '') => {
    const what = form.protocol === 'required' ? 'a port with a protocol' : 'a port';
    const message = `"${text}" is not ${what}${problem === undefined ? '' : `: ${problem}`}`;
    return new PortreeveError('PORT_INVALID', message, `${suggestion}${hintOf(form)}`, {
      value: text,
    });
  };
  const { ports, protocol } = splitProtocol(text, refuse);
  const [first, last = first] = boundsOf(ports, form, refuse) ?? [
    portNamed(ports, protocol, services, refuse),
  ];
  if (form.protocol === 'meaningless' && protocol !== undefined)
    throw refuse('a protocol has no meaning here');
  if (form.protocol === 'required' && protocol === undefined) throw refuse();
  return { first, last, protocol };
}

/** Reads one port without a protocol. Throws PortreeveError `PORT_INVALID` (usage). */
export function parsePort(text: string, services?: () => ServiceLookup): Port {
  return parsePortRange(text, { isSingle: true, protocol: 'meaningless' }, services).first as Port;
}

/** The same; undefined if the text is not a port. */
export function readPort(text: string, services?: () => ServiceLookup): Port | undefined {
  return unlessRefused(() => parsePort(text, services));
}

/** Reads ports and ranges in digits, with commas between them; undefined if one is not a port, or too many. */
export function readPortList(text: string, form?: PortForm): AskedPorts[] | undefined {
  const words = text.split(',');
  return words.length > PORTS_ASKED_MAX
    ? undefined
    : unlessRefused(() => words.map((word) => parsePortRange(word, form)));
}

function unlessRefused<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return undefined;
    throw thrown;
  }
}

/** The canonical text: "80", "8000-8010/tcp". */
export function portRangeText({ first, last, protocol }: AskedPorts): string {
  return `${first === last ? first : `${first}-${last}`}${protocol === undefined ? '' : `/${protocol}`}`;
}

/** Whether a port of a protocol is in a range. */
export function isInRange(port: number, protocol: Protocol, range: AskedPorts): boolean {
  return port >= range.first && port <= range.last && (range.protocol ?? protocol) === protocol;
}

function splitProtocol(text: string, refuse: Refuse): { ports: string; protocol: Protocol | undefined } {
  const slash = text.indexOf('/');
  if (slash < 0) return { ports: text, protocol: undefined };
  const [before, after] = [text.slice(0, slash), text.slice(slash + 1)];
  const leading = protocolOf(before);
  if (leading !== undefined) return { ports: after, protocol: leading };
  const protocol = protocolOf(after);
  if (protocol === undefined) throw refuse(`the protocol is tcp or udp, not "${after}"`);
  return { ports: before, protocol };
}

function protocolOf(word: string): Protocol | undefined {
  const lower = word.toLowerCase();
  return lower === 'tcp' || lower === 'udp' ? lower : undefined;
}

/** The first and last port; undefined for what is not written in digits. */
function boundsOf(
  ports: string,
  { isSingle, takesZero }: PortForm,
  refuse: Refuse,
): [number, number] | undefined {
  const [, from, to = from] = NUMBERS.exec(ports) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const first = numberOf(from, refuse);
  const last = numberOf(to, refuse);
  if (first === 0 && !takesZero) throw refuse(`the lowest port is ${PORT_MIN}`);
  if (last < first) throw refuse('its last port is below its first');
  if (last > first && isSingle) throw refuse('a range has no meaning here');
  return [first, last];
}

function numberOf(digits: string, refuse: Refuse): number {
  if (digits.length > 1 && digits.startsWith('0')) throw refuse('a port has no leading zero');
  const value = parseDecimal(digits, PORT_MAX);
  if (value === undefined) throw refuse(`the highest port is ${PORT_MAX}`);
  return value;
}

function portNamed(
  name: string,
  protocol: Protocol | undefined,
  services: (() => ServiceLookup) | undefined,
  refuse: Refuse,
): number {
  if (!NAME.test(name) || !services) throw refuse('it is no number and no name of a service');
  const lookup = services();
  const port = lookup.portOf(name, protocol);
  if (port !== undefined) return port;
  if (protocol !== undefined && lookup.portOf(name, undefined) !== undefined)
    throw refuse(`/etc/services does not have it for ${protocol}`);
  const meant = nearest(name, lookup.names);
  throw refuse('/etc/services has no such name', meant === undefined ? '' : `Did you mean ${meant}? `);
}

function hintOf({ isSingle, protocol, takesZero }: PortForm): string {
  const number = `a number from ${takesZero ? 0 : PORT_MIN} to ${PORT_MAX}`;
  if (protocol === 'required')
    return `Write ${number} or a service, with its protocol, such as 80/tcp or domain/udp.`;
  const port = isSingle
    ? `${number} or a service such as ssh`
    : `${number}, a service such as ssh, or a range such as 8000-8010`;
  return `A port is ${port}${protocol === 'meaningless' ? '' : '; /tcp or /udp may follow'}.`;
}
