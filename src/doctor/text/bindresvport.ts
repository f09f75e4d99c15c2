// The file /etc/bindresvport.blacklist: ports that bindresvport(3) of Debian's glibc and of libtirpc gives to nobody.
import { parseDecimal } from '../../base/port.ts';

/** The ports that bindresvport(3) chooses from: from 600 on, and from 512 on where there is none left (libtirpc). */
export const RESVPORT_MIN = 512;
export const RESVPORT_MAX = 1023;

/** The ports of a file, ascending. A line is a number, a comment, or both; other lines are passed over, as there. */
export function parseBlacklist(text: string): number[] {
  const ports = text.split('\n').flatMap((line) => {
    const [, digits = ''] = /^[ \t]*([0-9]+)\s*(?:#.*)?$/.exec(line) ?? [];
    const port = parseDecimal(digits, RESVPORT_MAX);
    return port !== undefined && port >= RESVPORT_MIN ? [port] : [];
  });
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

/** The file with further ports, each with what it is for. */
export function addToBlacklist(text: string, ports: ReadonlyMap<number, string>): string {
  const there = new Set(parseBlacklist(text));
  const lines = [...ports]
    .filter(([port]) => !there.has(port))
    .toSorted(([a], [b]) => a - b)
    .map(([port, what]) => `${port}\t# ${what.replace(/[^\x20-\x7e]/g, '?')}\n`);
  const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return `${ended}${lines.join('')}`;
}
