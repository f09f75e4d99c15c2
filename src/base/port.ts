// Ports, and the parser for ports as users type them: "80", "tcp/80", "ssh", "8000-8010/udp".
import { PortreeveError } from './errors.ts';
import { PORTS_REQUESTED_MAX } from './limits.ts';
import { nearest } from './nearest.ts';

declare const portBrand: unique symbol;

/** A TCP or UDP port that a socket can be bound to: 1 to 65535. */
export type Port = number & { readonly [portBrand]: true };

/** A transport protocol with ports. */
export type Protocol = 'tcp' | 'udp';

/** Both ends are included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const PORT_MIN = 1;
export const PORT_MAX = 65535;
/** The length of a table indexed by port. Index 0 is unused. */
export const PORTS = PORT_MAX + 1;
/** Ports below this one are subject to RESTRICTLOWPORTS, and on Linux to CAP_NET_BIND_SERVICE (ip(7)). */
export const LOW_PORTS_END = 1024;

/** The well-known port of the port mapper (RFC 1833 section 3.2). */
export const PORTMAP_PORT = 111 as Port;

export function isPort(value: number): value is Port {
  return Number.isInteger(value) && value >= PORT_MIN && value <= PORT_MAX;
}

/** Parses at most ten decimal digits. Returns undefined for other text, and if the value exceeds `max`. */
export function parseDecimal(text: string, max: number): number | undefined {
  if (!/^[0-9]{1,10}$/.test(text)) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i++) value = value * 10 + (text.charCodeAt(i) - 48);
  return value <= max ? value : undefined;
}

/** A port range of one protocol, or of both. */
export interface RequestedPorts extends PortRange {
  /** Undefined: both. */
  readonly protocol: Protocol | undefined;
}

/** The service names of a host. */
export interface ServiceLookup {
  /** The port of a service, as getservbyname(3) returns it. Without a protocol, that of either. */
  portOf(name: string, protocol: Protocol | undefined): number | undefined;
  readonly names: readonly string[];
}

/** The syntax that an argument accepts. By default it accepts everything except port 0. */
export interface PortForm {
  /** Whether a range is not allowed. */
  readonly isSingle?: boolean;
  /** Whether a protocol is required or not allowed. */
  readonly protocol?: 'required' | 'meaningless';
  /** Whether port 0 is allowed: the kernel chooses the port. */
  readonly takesZero?: boolean;
}

/** RFC 6335 section 5.1 requires a letter. /etc/services has names with more special characters. */
const NAME = /^(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9._+*-]*$/;
const NUMBERS = /^:?([0-9]+)(?:-([0-9]+))?$/;

/** Builds the error. The suggestion precedes the description of the valid syntax. */
type Refuse = (problem?: string, suggestion?: string) => PortreeveError;

/**
 * Parses a port or a range. `services` is called only for a name; without it, names are not accepted.
 * Throws PortreeveError `PORT_INVALID` (usage).
 */
export function parsePortRange(
  text: string,
  form: PortForm = {},
  services?: () => ServiceLookup,
): RequestedPorts {
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
    throw refuse('a protocol is not allowed here');
  if (form.protocol === 'required' && protocol === undefined) throw refuse();
  return { first, last, protocol };
}

/** Parses one port without a protocol. Throws PortreeveError `PORT_INVALID` (usage). */
export function parsePort(text: string, services?: () => ServiceLookup): Port {
  return parsePortRange(text, { isSingle: true, protocol: 'meaningless' }, services).first as Port;
}

/** Like parsePort(), but returns undefined if the text is not a port. */
export function readPort(text: string, services?: () => ServiceLookup): Port | undefined {
  return unlessRefused(() => parsePort(text, services));
}

/** Parses a comma-separated list of numeric ports and ranges. Returns undefined if it is invalid or too long. */
export function readPortList(text: string, form?: PortForm): RequestedPorts[] | undefined {
  const words = text.split(',');
  return words.length > PORTS_REQUESTED_MAX
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

/** Formats "80" or "8000-8010/tcp". */
export function portRangeText({ first, last, protocol }: RequestedPorts): string {
  return `${first === last ? first : `${first}-${last}`}${protocol === undefined ? '' : `/${protocol}`}`;
}

export function isInRange(port: number, protocol: Protocol, range: RequestedPorts): boolean {
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

/** The first and last port, or undefined if the text is not numeric. */
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
  if (last < first) throw refuse('the last port is below the first');
  if (last > first && isSingle) throw refuse('a range is not allowed here');
  return [first, last];
}

function numberOf(digits: string, refuse: Refuse): number {
  if (digits.length > 1 && digits.startsWith('0')) throw refuse('leading zeros are not allowed');
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
  if (!NAME.test(name) || !services) throw refuse('it is neither a number nor a service name');
  const lookup = services();
  const port = lookup.portOf(name, protocol);
  if (port !== undefined) return port;
  if (protocol !== undefined && lookup.portOf(name, undefined) !== undefined)
    throw refuse(`/etc/services does not list it for ${protocol}`);
  const meant = nearest(name, lookup.names);
  throw refuse('/etc/services does not list this name', meant === undefined ? '' : `Did you mean ${meant}? `);
}

function hintOf({ isSingle, protocol, takesZero }: PortForm): string {
  const number = `a number from ${takesZero ? 0 : PORT_MIN} to ${PORT_MAX}`;
  if (protocol === 'required')
    return `Write ${number} or a service, with its protocol, such as 80/tcp or domain/udp.`;
  const port = isSingle
    ? `${number} or a service such as ssh`
    : `${number}, a service such as ssh, or a range such as 8000-8010`;
  return `A port is ${port}${protocol === 'meaningless' ? '' : ', optionally with /tcp or /udp'}.`;
}
