// Parses the output of ss(8) and lsof(8) into one line for each socket and process.

/** "tcp 127.0.0.1 80 812"; "-" instead of the pid if there is none. */
export type Line = string;

export function line(protocol: string, address: string, port: number | string, pid: number | string): Line {
  return `${protocol} ${address} ${port} ${pid}`;
}

/** Parses the output of `ss -Htuanp`. */
export function linesOfSs(output: string): Line[] {
  return rows(output).flatMap((row) => {
    const [protocol = '', , , , local = ''] = row.split(/\s+/);
    // "*" is an IPv6 socket that also accepts IPv4.
    const [written, port] = endOf(local);
    const address = written === '*' ? '::' : written;
    const pids = new Set([...row.matchAll(/pid=(\d+)/g)].map(([, pid = '']) => pid));
    return [...(pids.size > 0 ? pids : ['-'])].map((pid) => line(protocol, address, port, pid));
  });
}

/** Parses the output of `lsof -i -P -n -F ptPn`: one field per line, those of a process before those of its files. */
export function linesOfLsof(output: string): Line[] {
  const lines = new Set<Line>();
  let fields: Record<string, string> = {};
  for (const row of rows(output)) {
    fields = { ...fields, [row.charAt(0)]: row.slice(1) };
    // The name is the last field of a file.
    if (!row.startsWith('n')) continue;
    const { p: pid = '', t: type, P: protocol = '', n: name = '' } = fields;
    const [address, port] = endOf(name.split('->')[0] ?? '');
    lines.add(line(protocol.toLowerCase(), wholeAddress(type, address), port, pid));
  }
  return [...lines];
}

/** lsof prints "*" for both families, and IPv4 addresses of IPv6 sockets without the prefix ::ffff:. */
function wholeAddress(type: string | undefined, address: string): string {
  if (address === '*') return type === 'IPv4' ? '0.0.0.0' : '::';
  return type === 'IPv6' && !address.includes(':') ? `::ffff:${address}` : address;
}

function rows(output: string): string[] {
  return output.split('\n').filter((row) => row !== '');
}

/** "127.0.0.1:80", "[::1]:80", "*:80" */
function endOf(text: string): [address: string, port: string] {
  const [, bracketed, plain = '', port = ''] = /^(?:\[(.*)\]|(.*)):([^:]*)$/.exec(text) ?? [];
  const address = (bracketed ?? plain).replace(/%.*$/, '');
  return [address, port];
}
