// Reads port ranges from the command lines and configuration of kube-apiserver, k3s, and portserver.
import { isPort, PORT_MAX, parseDecimal } from '../../base/port.ts';

interface FlagRange {
  readonly first: number;
  readonly last: number;
}

/**
 * "30000-32767", or the first port and an offset: "30000+2767" (port_range.go of k8s.io/apimachinery). It is an option,
 * an argument that k3s passes on, or a YAML key.
 */
const NODE_PORTS =
  /(?:^|[\s"'=])(?:--)?service-node-port-range(?:=|:?\s+)["']?([0-9]+)(?:([-+])([0-9]+))?(?![^\s"'])/g;
const COMMENT = /(?<=^|\s)#.*/gm;
/** Ranges separated by commas (portserver(1)). */
const STATIC_PORTS = /(?:^|\s)--portserver_static_pool(?:=|\s+)([0-9][0-9,-]*)(?!\S)/g;

/**
 * The NodePort range from the command line of kube-apiserver, its manifest, or the configuration of k3s; undefined if
 * it is not set there. The last one counts, as for the program.
 */
export function nodePortRange(text: string): FlagRange | undefined {
  const matches = text.replaceAll(COMMENT, '').matchAll(NODE_PORTS);
  const [, from = '', sign = '-', to = from] = [...matches].at(-1) ?? [];
  const first = parseDecimal(from, PORT_MAX);
  const second = parseDecimal(to, PORT_MAX);
  if (first === undefined || second === undefined) return undefined;
  return closed(first, sign === '+' ? first + second : second);
}

/** The ports that portserver assigns, from its command line; undefined if they are not set there. */
export function portserverRanges(command: string): FlagRange[] | undefined {
  const list = [...command.matchAll(STATIC_PORTS)].at(-1)?.[1];
  if (list === undefined) return undefined;
  return list.split(',').flatMap((item) => {
    const [, from = '', to = ''] = /^([0-9]+)-([0-9]+)$/.exec(item) ?? [];
    const range = closed(parseDecimal(from, PORT_MAX), parseDecimal(to, PORT_MAX));
    return range ? [range] : [];
  });
}

function closed(first: number | undefined, last: number | undefined): FlagRange | undefined {
  if (first === undefined || last === undefined) return undefined;
  return isPort(first) && isPort(last) && first <= last ? { first, last } : undefined;
}
