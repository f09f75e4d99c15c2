// exports(5): which directories an NFS server exports to whom, and whether it wants a source port below 1024.

/** A directory that is exported to some clients. */
interface NfsExport {
  readonly path: string;
  /** As they are written: a host, a network, a pattern; "*" for everybody. */
  readonly clients: string;
  /** Requests have to come from a port below 1024 (`secure`, which is the default). */
  readonly isSecure: boolean;
  /** Its flavours of security (`sec=`); "sys" believes the client whose user a request is from. */
  readonly flavours: readonly string[];
  /** From 1; of a line that goes on, the first. */
  readonly line: number;
}

/** The longest line: what exportfs(8) takes has less. */
const LINE_MAX_CHARACTERS = 65_536;

/** The exports of a file. A word that is none is passed over. */
export function parseExports(text: string): NfsExport[] {
  const exports: NfsExport[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let said = lines[at] ?? '';
    while (said.endsWith('\\') && said.length < LINE_MAX_CHARACTERS && at + 1 < lines.length)
      said = `${said.slice(0, -1)} ${lines[++at]}`;
    if (said.length <= LINE_MAX_CHARACTERS) exports.push(...exportsOf(said, line));
  }
  return exports;
}

function exportsOf(said: string, line: number): NfsExport[] {
  const words = said.match(/"(?:[^"\\]|\\.)*"?|#.*|[^\s"#]+/g) ?? [];
  const end = words.findIndex((word) => word.startsWith('#'));
  const [first, ...rest] = end < 0 ? words : words.slice(0, end);
  if (first === undefined) return [];
  const path = plainPath(first);
  let usual: readonly string[] = [];
  const exports: NfsExport[] = [];
  for (const word of rest) {
    if (word.startsWith('-')) {
      usual = word.slice(1).split(',');
      continue;
    }
    const [, clients = '', options = ''] = /^([^(]*)(?:\(([^)]*)\)?)?/.exec(word) ?? [];
    exports.push(exportOf(path, clients === '' ? '*' : clients, [...usual, ...options.split(',')], line));
  }
  // A path alone is exported to everybody.
  return exports.length === 0 ? [exportOf(path, '*', usual, line)] : exports;
}

function exportOf(path: string, clients: string, options: readonly string[], line: number): NfsExport {
  const secure = options.findLast((option) => option === 'secure' || option === 'insecure');
  const flavours = options.findLast((option) => option.startsWith('sec='))?.slice('sec='.length) ?? 'sys';
  return { path, clients, isSecure: secure !== 'insecure', flavours: flavours.split(':'), line };
}

/** Without quotes, and with "\040" as the character that it stands for. */
function plainPath(word: string): string {
  const plain = word.startsWith('"') ? word.slice(1).replace(/"$/, '') : word;
  return plain.replace(/\\([0-3])([0-7])([0-7])/g, (_, ...digits: string[]) => {
    const [high = 0, middle = 0, low = 0] = digits.slice(0, 3).map((digit) => digit.charCodeAt(0) - 48);
    return String.fromCharCode(high * 64 + middle * 8 + low);
  });
}
