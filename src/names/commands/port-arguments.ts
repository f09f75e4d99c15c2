// Parses ports in arguments and options of commands. Service names come from /etc/services of this host.

import { PortreeveError } from '../../base/errors.ts';
import { PORTS_REQUESTED_MAX } from '../../base/limits.ts';
import { type Port, type PortForm, parsePort, parsePortRange, type RequestedPorts } from '../../base/port.ts';
import { hostServices } from './deps.ts';

/** One port, without a protocol. Throws PortreeveError `PORT_INVALID` (usage). */
export function portArgument(word: string): Port {
  return parsePort(word, hostServices);
}

/** Ports and ranges. Throws PortreeveError (usage) `PORT_INVALID`, and `PORTS_TOO_MANY` above PORTS_REQUESTED_MAX. */
export function portRanges(words: readonly string[], form?: PortForm): RequestedPorts[] {
  if (words.length > PORTS_REQUESTED_MAX) throw tooMany(words.length);
  return words.map((word) => parsePortRange(word, form, hostServices));
}

/** The same with ranges expanded to single ports, of which there may be at most PORTS_REQUESTED_MAX. */
export function expandPorts(words: readonly string[], form?: PortForm): RequestedPorts[] {
  const ranges = portRanges(words, form);
  const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (count > PORTS_REQUESTED_MAX) throw tooMany(count);
  return ranges.flatMap(({ first, last, protocol }) =>
    Array.from({ length: last - first + 1 }, (_, i) => ({ first: first + i, last: first + i, protocol })),
  );
}

function tooMany(count: number): PortreeveError {
  const hint = `The maximum is ${PORTS_REQUESTED_MAX} at once; portreeve ports takes ranges of any size.`;
  return new PortreeveError('PORTS_TOO_MANY', `${count} ports are too many`, hint, { value: count });
}
