// Parser of /etc/bindresvport.blacklist: ports that bindresvport(3) of Debian's glibc and of libtirpc never assigns.
import { parseDecimal } from '../../base/port.ts';

/** The range of bindresvport(3): it tries 600 to 1023 first, then 512 to 599 (libtirpc). */
export const RESVPORT_MIN = 512;
export const RESVPORT_MAX = 1023;

/** The ports of a file, ascending. A line is a number, a comment, or both; other lines are ignored, as in libtirpc. */
export function parseBlacklist(text: string): number[] {
  const ports = text.split('\n').flatMap((line) => {
    const [, digits = ''] = /^[ \t]*([0-9]+)\s*(?:#.*)?$/.exec(line) ?? [];
    const port = parseDecimal(digits, RESVPORT_MAX);
    return port !== undefined && port >= RESVPORT_MIN ? [port] : [];
  });
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

/** The text of the file with more ports; each is followed by a comment that names its service. */
export function addToBlacklist(text: string, ports: ReadonlyMap<number, string>): string {
  const present = new Set(parseBlacklist(text));
  const lines = [...ports]
    .filter(([port]) => !present.has(port))
    .toSorted(([a], [b]) => a - b)
    .map(([port, service]) => `${port}\t# ${service.replace(/[^\x20-\x7e]/g, '?')}\n`);
  const terminated = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${terminated}${lines.join('')}`;
}
