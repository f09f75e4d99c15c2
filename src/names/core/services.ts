// The names of ports that a host goes by: the lines of /etc/services (services(5)).
import { SERVICE_LINE_MAX_CHARACTERS, SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import { isPort, PORT_MAX, type Port, type Protocol, parseDecimal } from '../../base/port.ts';

/** A line of services(5): what a port is called. It reserves nothing: no kernel reads it. */
export interface ServiceEntry {
  readonly name: string;
  readonly port: Port;
  /** As it is written, in lower case: "tcp", "udp", "sctp", … */
  readonly protocol: string;
  /** Other names for the same. */
  readonly aliases: readonly string[];
  /** From 1. */
  readonly line: number;
}

/** A line that says nothing that can be used, and why. */
interface MalformedService {
  readonly line: number;
  /** Its first 80 characters. */
  readonly text: string;
  readonly problem: string;
}

/** A file in the form of services(5). */
interface ServicesText {
  readonly entries: readonly ServiceEntry[];
  /** The first hundred. */
  readonly malformed: readonly MalformedService[];
}

const MALFORMED_SHOWN = 100;
const SHOWN_CHARACTERS = 80;
/** Protocols are those of /etc/protocols; all names there are such words. */
const PROTOCOL = /^[a-z0-9][a-z0-9._+-]{0,31}$/;
const CONTROLS = /[\p{Cc}\p{Cf}]/u;

/** The entries of a text in the form of services(5); lines that are none are passed over, as getservent(3) does. */
export function parseServices(text: string): ServiceEntry[] {
  return [...readServices(text).entries];
}

/**
 * Reads "name port/protocol alias..." a line; "#" begins a comment. What is no such line is reported with its number.
 * A text beyond SERVICES_MAX_CHARACTERS is read up to there, and the rest reported as one line.
 */
export function readServices(text: string): ServicesText {
  const entries: ServiceEntry[] = [];
  const malformed: MalformedService[] = [];
  const tell = (line: number, shown: string, problem: string) => {
    if (malformed.length < MALFORMED_SHOWN)
      malformed.push({ line, text: shown.slice(0, SHOWN_CHARACTERS), problem });
  };
  // Without the part of a line at the end.
  const isCut = text.length > SERVICES_MAX_CHARACTERS;
  const end = isCut ? text.lastIndexOf('\n', SERVICES_MAX_CHARACTERS) : text.length;
  const lines = text.slice(0, Math.max(0, end)).split('\n');
  lines.forEach((written, index) => {
    const line = index + 1;
    const read = readLine(written, line);
    if (typeof read === 'string') tell(line, written, read);
    else if (read) entries.push(read);
  });
  if (isCut) tell(lines.length + 1, '', `what follows ${SERVICES_MAX_CHARACTERS} characters is not read`);
  return { entries, malformed };
}

/** The entry of a line, what is wrong with it, or undefined where it has only a comment. */
function readLine(written: string, line: number): ServiceEntry | string | undefined {
  const comment = written.indexOf('#');
  const said = (comment < 0 ? written : written.slice(0, comment)).trim();
  if (said === '') return undefined;
  if (said.length > SERVICE_LINE_MAX_CHARACTERS)
    return `a line has at most ${SERVICE_LINE_MAX_CHARACTERS} characters`;
  const [name = '', where, ...aliases] = said.split(/\s+/);
  if (CONTROLS.test(said.replaceAll(/\s/g, ''))) return 'it has control characters';
  if (where === undefined) return 'behind the name PORT/PROTOCOL is missing';
  const slash = where.indexOf('/');
  const port = parseDecimal(where.slice(0, Math.max(0, slash)), PORT_MAX);
  if (port === undefined || !isPort(port))
    return `"${where}" is not PORT/PROTOCOL with a port from 1 to ${PORT_MAX}`;
  const protocol = where.slice(slash + 1).toLowerCase();
  if (!PROTOCOL.test(protocol)) return `"${where}" names no protocol behind the port`;
  return { name, port, protocol, aliases, line };
}

/** What ports are called, and which port a name means; of several lines the first counts, as for getservbyname(3). */
export class ServiceNames {
  /** All of them, in the order in which they count. */
  readonly entries: readonly ServiceEntry[];
  readonly #byPort = new Map<string, ServiceEntry[]>();
  readonly #byName = new Map<string, ServiceEntry[]>();

  /** Entries in the order in which they count. */
  constructor(entries: readonly ServiceEntry[]) {
    this.entries = entries;
    for (const entry of entries) {
      add(this.#byPort, `${entry.port}/${entry.protocol}`, entry);
      for (const word of new Set([entry.name, ...entry.aliases])) add(this.#byName, word, entry);
    }
  }

  /** The name of a port, as getservbyport(3) gives it; undefined where it has none. */
  nameOf(port: number, protocol: string): string | undefined {
    return this.entriesOf(port, protocol)[0]?.name;
  }

  /** Every line about a port, in the order of the file. */
  entriesOf(port: number, protocol: string): readonly ServiceEntry[] {
    return this.#byPort.get(`${port}/${protocol}`) ?? [];
  }

  /** The port of a name or alias, as getservbyname(3) gives it: for that protocol, else for TCP or UDP. */
  portOf(name: string, protocol: Protocol | undefined): Port | undefined {
    const protocols: readonly string[] = protocol === undefined ? ['tcp', 'udp'] : [protocol];
    return this.entriesNamed(name).find((entry) => protocols.includes(entry.protocol))?.port;
  }

  /** Every name and alias. */
  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** The lines that have a name, also as an alias; of one protocol, or of all. */
  entriesNamed(name: string, protocol?: string): readonly ServiceEntry[] {
    const entries = this.#byName.get(name) ?? [];
    return protocol === undefined ? entries : entries.filter((entry) => entry.protocol === protocol);
  }
}

function add<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}
