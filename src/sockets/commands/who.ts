// `portreeve who`: who holds a port, in a line for each.

import { EXIT_CODES } from '../../base/errors.ts';
import { type AskedPorts, isInRange, portRangeText } from '../../base/port.ts';
import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { portsOneByOne } from '../../names/commands/port-arguments.ts';
import type { PortRecord } from '../app/port-records.ts';
import { endText, ownerText, secondsText } from '../app/port-words.ts';
import { holdersOf } from '../app/ports-asked.ts';
import type { WhoOptions } from './index.ts';
import type { PortsCommandDeps, PortsReadOptions } from './ports-deps.ts';
import { readRecords } from './ports-read.ts';

export async function whoCommand(
  words: readonly string[],
  options: WhoOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const asked = portsOneByOne(words);
  const where: PortsReadOptions = {
    runtime: options.runtime,
    thoroughness: 'some',
    isNamed: options.json ?? false,
  };
  const { ports, notSeen } = await holdersOf(asked, (question) => readRecords(question, where, deps));
  const answers = asked.map((range) => ({
    range,
    ports: ports.filter(({ port, protocol }) => isInRange(port, protocol, range)),
  }));
  if (options.json) {
    const { json } = await import('../../kit/text.ts');
    const about = answers.map(({ range, ports: held }) => ({
      port: range.first,
      protocol: range.protocol ?? null,
      held: held.length > 0,
    }));
    const of = about.length === 1 ? { port: asked[0]?.first } : { asked: about };
    io.out(json({ ...of, held: about.every(({ held }) => held), notSeen, ports }));
  } else for (const answer of answers) io.out(`${printable(sentenceOf(answer, io))}\n`);
  return Math.max(...answers.map((answer) => exitCodeOf(answer, io)));
}

/** A port that was asked about, and the sockets that have it. */
interface WhoAnswer {
  readonly range: AskedPorts;
  readonly ports: readonly PortRecord[];
}

function exitCodeOf({ ports }: WhoAnswer, io: Io): number {
  if (ports.some((port) => isHidden(port, io))) return EXIT_CODES.environment;
  return ports.length > 0 ? 0 : EXIT_CODES.refused;
}

/** Somebody has it, and we may not see who. Root sees all there are. */
function isHidden({ inode, owners }: PortRecord, { uid }: Io): boolean {
  return inode !== 0 && owners.length === 0 && uid !== 0;
}

/** What is said alike of several sockets is said once. */
function sentenceOf({ range, ports }: WhoAnswer, io: Io): string {
  if (ports.length === 0) return `${portRangeText(range)}: nobody`;
  const groups = Map.groupBy(
    ports,
    (port) => `${port.port}/${port.protocol}: ${whoText(port, io)} ${doingText(port)}`,
  );
  return [...groups].map(([text, group]) => `${text} ${whereText(group)}`).join('; ');
}

function whoText(record: PortRecord, io: Io): string {
  if (record.inode === 0) return 'no process any more;';
  if (record.owners.length > 0) return ownerText(record);
  const whose = ownerText(record);
  return isHidden(record, io) ? `${whose}, which you may not see,` : `${whose}, which is not seen here,`;
}

function doingText({ state, protocol, remote, expiresMs }: PortRecord): string {
  if (expiresMs !== null) return `${state} keeps it for ${secondsText(expiresMs)} more,`;
  if (state === 'LISTEN') return 'listens on';
  if (remote) return protocol === 'udp' ? 'is connected,' : `is connected (${state}),`;
  return protocol === 'udp' ? 'receives on' : 'has bound it and does not listen, on';
}

function whereText(group: readonly PortRecord[]): string {
  const [first] = group;
  if (!first?.remote) return listText(group.map(placeText));
  const more = group.length === 1 ? '' : ` and ${group.length - 1} more`;
  return `${endText(first)} to ${endText(first.remote)}${more}`;
}

/** Both families at once are "*", as in the table. */
function placeText({ address, v6Only }: PortRecord): string {
  return address === '::' && !v6Only ? '*' : address;
}

function listText(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
