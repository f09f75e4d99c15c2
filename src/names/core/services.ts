// Parses /etc/services (services(5)), and finds names and ports in it.
import { SERVICE_LINE_MAX_CHARACTERS, SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import { isPort, PORT_MAX, type Port, type Protocol, parseDecimal } from '../../base/port.ts';

/** A line of services(5). It names a port, but does not reserve it. */
export interface ServiceEntry {
  readonly name: string;
  readonly port: Port;
  /** In lower case: "tcp", "udp", "sctp", … */
  readonly protocol: string;
  readonly aliases: readonly string[];
  /** From 1. */
  readonly line: number;
}

/** An invalid line. */
interface MalformedService {
  readonly line: number;
  /** Its first 80 characters. */
  readonly text: string;
  readonly problem: string;
}

interface ServicesText {
  readonly entries: readonly ServiceEntry[];
  /** The first 100. */
  readonly malformed: readonly MalformedService[];
}

const MALFORMED_SHOWN = 100;
const SHOWN_CHARACTERS = 80;
/** Any name in /etc/protocols matches. */
const PROTOCOL = /^[a-z0-9][a-z0-9._+-]{0,31}$/;
const CONTROLS = /[\p{Cc}\p{Cf}]/u;

/** The valid lines; others are ignored, as by getservent(3). */
export function parseServices(text: string): ServiceEntry[] {
  return [...readServices(text).entries];
}

/**
 * Parses lines of the form "name port/protocol alias..."; "#" starts a comment. A text longer than
 * SERVICES_MAX_CHARACTERS is cut there, and the rest is reported as one malformed line.
 */
export function readServices(text: string): ServicesText {
  const entries: ServiceEntry[] = [];
  const malformed: MalformedService[] = [];
  const report = (line: number, shown: string, problem: string) => {
    if (malformed.length < MALFORMED_SHOWN)
      malformed.push({ line, text: shown.slice(0, SHOWN_CHARACTERS), problem });
  };
  // Cut at the end of a line.
  const isCut = text.length > SERVICES_MAX_CHARACTERS;
  const end = isCut ? text.lastIndexOf('\n', SERVICES_MAX_CHARACTERS) : text.length;
  const lines = text.slice(0, Math.max(0, end)).split('\n');
  lines.forEach((written, index) => {
    const line = index + 1;
    const read = readLine(written, line);
    if (typeof read === 'string') report(line, written, read);
    else if (read) entries.push(read);
  });
  if (isCut)
    report(lines.length + 1, '', `the file is read only up to ${SERVICES_MAX_CHARACTERS} characters`);
  return { entries, malformed };
}

/** The entry, an error message, or undefined for an empty line or comment. */
function readLine(written: string, line: number): ServiceEntry | string | undefined {
  const comment = written.indexOf('#');
  const content = (comment < 0 ? written : written.slice(0, comment)).trim();
  if (content === '') return undefined;
  if (content.length > SERVICE_LINE_MAX_CHARACTERS)
    return `a line has at most ${SERVICE_LINE_MAX_CHARACTERS} characters`;
  const [name = '', where, ...aliases] = content.split(/\s+/);
  if (CONTROLS.test(content.replaceAll(/\s/g, ''))) return 'it has control characters';
  if (where === undefined) return 'PORT/PROTOCOL is missing after the name';
  const slash = where.indexOf('/');
  const port = parseDecimal(where.slice(0, Math.max(0, slash)), PORT_MAX);
  if (port === undefined || !isPort(port))
    return `"${where}" is not PORT/PROTOCOL with a port from 1 to ${PORT_MAX}`;
  const protocol = where.slice(slash + 1).toLowerCase();
  if (!PROTOCOL.test(protocol)) return `"${where}" does not have a protocol after the port`;
  return { name, port, protocol, aliases, line };
}

interface ServiceIndex {
  readonly entries: readonly ServiceEntry[];
  /** By "80/tcp". */
  readonly byPort: ReadonlyMap<string, readonly ServiceEntry[]>;
  /** By name and alias. */
  readonly byName: ReadonlyMap<string, readonly ServiceEntry[]>;
}

/** Finds names by port and ports by name. The first matching line counts, as for getservbyname(3). */
export class ServiceNames {
  readonly #source: string | readonly ServiceEntry[];
  #index: ServiceIndex | undefined;

  /** A text is parsed when this is first used: many commands have no name to find. */
  constructor(source: string | readonly ServiceEntry[]) {
    this.#source = source;
  }

  /** Every line, in file order. */
  get entries(): readonly ServiceEntry[] {
    return this.#indexed().entries;
  }

  /** The name of a port, as getservbyport(3) returns it. */
  nameOf(port: number, protocol: string): string | undefined {
    return this.entriesOf(port, protocol)[0]?.name;
  }

  /** Every line for a port, in file order. */
  entriesOf(port: number, protocol: string): readonly ServiceEntry[] {
    return this.#indexed().byPort.get(`${port}/${protocol}`) ?? [];
  }

  /** The port of a name or alias, as getservbyname(3) returns it; without a protocol, for TCP or UDP. */
  portOf(name: string, protocol: Protocol | undefined): Port | undefined {
    const protocols: readonly string[] = protocol === undefined ? ['tcp', 'udp'] : [protocol];
    return this.entriesNamed(name).find((entry) => protocols.includes(entry.protocol))?.port;
  }

  /** Every name and alias. */
  get names(): readonly string[] {
    return [...this.#indexed().byName.keys()];
  }

  /** The lines with a name or alias, of one protocol or of all. */
  entriesNamed(name: string, protocol?: string): readonly ServiceEntry[] {
    const entries = this.#indexed().byName.get(name) ?? [];
    return protocol === undefined ? entries : entries.filter((entry) => entry.protocol === protocol);
  }

  #indexed(): ServiceIndex {
    const source = this.#source;
    this.#index ??= indexOf(typeof source === 'string' ? parseServices(source) : source);
    return this.#index;
  }
}

function indexOf(entries: readonly ServiceEntry[]): ServiceIndex {
  const byPort = new Map<string, ServiceEntry[]>();
  const byName = new Map<string, ServiceEntry[]>();
  for (const entry of entries) {
    add(byPort, `${entry.port}/${entry.protocol}`, entry);
    for (const word of new Set([entry.name, ...entry.aliases])) add(byName, word, entry);
  }
  return { entries, byPort, byName };
}

function add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
