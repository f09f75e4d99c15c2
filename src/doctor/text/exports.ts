// Parser of exports(5): the directories that an NFS server exports, their clients, and whether requests must come from
// a source port below 1024.

/** A directory and the clients to which it is exported. */
interface NfsExport {
  readonly path: string;
  /** As written: a host, a network, or a pattern; "*" is every host. */
  readonly clients: string;
  /** Requests must come from a port below 1024 (`secure`, the default). */
  readonly isSecure: boolean;
  /** The security flavors (`sec=`); with "sys" the server trusts the user ID that the client sends. */
  readonly flavors: readonly string[];
  /** From 1; the first line of a continued one. */
  readonly line: number;
}

/** A longer line is skipped; exportfs(8) accepts less. */
const LINE_MAX_CHARACTERS = 65_536;

/** The exports of a file. Invalid words are ignored. */
export function parseExports(text: string): NfsExport[] {
  const exports: NfsExport[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let text = lines[at] ?? '';
    while (text.endsWith('\\') && text.length < LINE_MAX_CHARACTERS && at + 1 < lines.length)
      text = `${text.slice(0, -1)} ${lines[++at]}`;
    if (text.length <= LINE_MAX_CHARACTERS) exports.push(...exportsOf(text, line));
  }
  return exports;
}

function exportsOf(text: string, line: number): NfsExport[] {
  const words = text.match(/"(?:[^"\\]|\\.)*"?|#.*|[^\s"#]+/g) ?? [];
  const end = words.findIndex((word) => word.startsWith('#'));
  const [first, ...rest] = end < 0 ? words : words.slice(0, end);
  if (first === undefined) return [];
  const path = plainPath(first);
  let defaults: readonly string[] = [];
  const exports: NfsExport[] = [];
  for (const word of rest) {
    if (word.startsWith('-')) {
      defaults = word.slice(1).split(',');
      continue;
    }
    const [, clients = '', options = ''] = /^([^(]*)(?:\(([^)]*)\)?)?/.exec(word) ?? [];
    exports.push(exportOf(path, clients === '' ? '*' : clients, [...defaults, ...options.split(',')], line));
  }
  // A path without clients is exported to every host.
  return exports.length === 0 ? [exportOf(path, '*', defaults, line)] : exports;
}

function exportOf(path: string, clients: string, options: readonly string[], line: number): NfsExport {
  const secure = options.findLast((option) => option === 'secure' || option === 'insecure');
  const flavors = options.findLast((option) => option.startsWith('sec='))?.slice('sec='.length) ?? 'sys';
  return { path, clients, isSecure: secure !== 'insecure', flavors: flavors.split(':'), line };
}

/** Removes quotes and decodes octal escapes such as "\040". */
function plainPath(word: string): string {
  const plain = word.startsWith('"') ? word.slice(1).replace(/"$/, '') : word;
  return plain.replace(/\\([0-3])([0-7])([0-7])/g, (_, ...digits: string[]) => {
    const [high = 0, middle = 0, low = 0] = digits.slice(0, 3).map((digit) => digit.charCodeAt(0) - 48);
    return String.fromCharCode(high * 64 + middle * 8 + low);
  });
}
