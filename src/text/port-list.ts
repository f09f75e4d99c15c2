// Port lists in the format of net.ipv4.ip_local_reserved_ports: "1-4,6,10-10".

import { PortreeveError } from '../base/errors.ts';
import { PORT_LIST_MAX_CHARACTERS } from '../base/limits.ts';
import { PORT_MAX, type PortRange, parseDecimal } from '../base/port.ts';

/** A port or a range. Leading zeros are rejected, because Linux reads them as octal. */
const ITEM = /^(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?$/;

/**
 * Parses a list. Returns its ports in ascending order. The list may be empty, and its items may overlap. Port 0 is
 * allowed: the kernel has a bit for it.
 * Throws PortreeveError `PORT_LIST_INVALID` (usage).
 */
export function parsePortList(text: string): Set<number> {
  if (text.length > PORT_LIST_MAX_CHARACTERS) {
    throw invalid(`the port list is too long: ${text.length} characters`, text.slice(0, 40));
  }
  // Ranges that begin at a port minus ranges that end before it: linear time even if many ranges overlap.
  const steps = new Int32Array(PORT_MAX + 2);
  for (const item of text === '' ? [] : text.split(',')) {
    const [first, last] = rangeOf(item);
    steps[first] = (steps[first] ?? 0) + 1;
    steps[last + 1] = (steps[last + 1] ?? 0) - 1;
  }
  const ports = new Set<number>();
  let ranges = 0;
  for (let port = 0; port <= PORT_MAX; port++) {
    ranges += steps[port] ?? 0;
    if (ranges > 0) ports.add(port);
  }
  return ports;
}

function rangeOf(item: string): [first: number, last: number] {
  const [, from = '', to = from] = ITEM.exec(item) ?? [];
  const first = parseDecimal(from, PORT_MAX);
  const last = parseDecimal(to, PORT_MAX);
  if (first !== undefined && last !== undefined && first <= last) return [first, last];
  throw invalid(`"${item.slice(0, 40)}" is neither a port nor a port range`, item.slice(0, 40));
}

/** The ports as maximal ranges in ascending order. */
export function rangesOfPorts(ports: ReadonlySet<number>): PortRange[] {
  const sorted = Uint16Array.from(ports).sort();
  const ranges: PortRange[] = [];
  for (let at = 0; at < sorted.length; ) {
    const first = sorted[at] ?? 0;
    let length = 1;
    while (sorted[at + length] === first + length) length++;
    ranges.push({ first, last: first + length - 1 });
    at += length;
  }
  return ranges;
}

/** Formats a list as Linux does: maximal ranges in ascending order. */
export function formatPortList(ports: ReadonlySet<number>): string {
  return rangesOfPorts(ports)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(',');
}

/** Parses net.ipv4.ip_local_port_range, "32768\t60999". Returns undefined for other text. */
export function parseLocalRange(text: string): PortRange | undefined {
  const [, from = '', to = ''] = /^([0-9]+)\s+([0-9]+)$/.exec(text) ?? [];
  const first = parseDecimal(from, PORT_MAX);
  const last = parseDecimal(to, PORT_MAX);
  return first !== undefined && last !== undefined && first <= last ? { first, last } : undefined;
}

function invalid(message: string, value: string): PortreeveError {
  const hint = `Example: 1024,4000-4010. Ports are 0-${PORT_MAX}. Spaces and leading zeros are not allowed.`;
  return new PortreeveError('PORT_LIST_INVALID', message, hint, { value });
}
