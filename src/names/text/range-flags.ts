// The ranges of ports that programs are started with: options of kube-apiserver and portserver, as they are written.
import { isPort, PORT_MAX, parseDecimal } from '../../base/port.ts';

/** A closed range of ports. */
interface FlagRange {
  readonly first: number;
  readonly last: number;
}

/**
 * "30000-32767", or a first port and a count less one: "30000+2767" (port_range.go of k8s.io/apimachinery). It is an
 * option, an argument that k3s passes on, or a key of YAML.
 */
const NODE_PORTS =
  /(?:^|[\s"'=])(?:--)?service-node-port-range(?:=|:?\s+)["']?([0-9]+)(?:([-+])([0-9]+))?(?![^\s"'])/g;
const COMMENT = /(?<=^|\s)#.*/gm;
/** Ranges with commas between them (portserver(1)). */
const STATIC_POOL = /(?:^|\s)--portserver_static_pool(?:=|\s+)([0-9][0-9,-]*)(?!\S)/g;

/**
 * The ports for services of type NodePort that a command line of kube-apiserver says, or its manifest, in which an
 * argument is an item of a list, or the configuration of k3s. Undefined where it says none. Of several the last one
 * counts, as for the program.
 */
export function nodePortRange(text: string): FlagRange | undefined {
  const said = text.replaceAll(COMMENT, '').matchAll(NODE_PORTS);
  const [, from = '', sign = '-', to = from] = [...said].at(-1) ?? [];
  const first = parseDecimal(from, PORT_MAX);
  const second = parseDecimal(to, PORT_MAX);
  if (first === undefined || second === undefined) return undefined;
  return closed(first, sign === '+' ? first + second : second);
}

/** The ports that a command line of portserver has it hand out; undefined where it says none. */
export function portserverPool(command: string): FlagRange[] | undefined {
  const list = [...command.matchAll(STATIC_POOL)].at(-1)?.[1];
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
