// `portreeve who`: who holds a port, in one line.
import type { PortRecord, PortsSeen } from '../app/doctor/port-records.ts';
import { type PortsAsked, parsePortWords } from '../app/doctor/ports-asked.ts';
import { EXIT_CODES, PortreeveError } from '../base/errors.ts';
import { printable } from '../base/printable.ts';
import type { Io } from './io.ts';
import { lookAtPorts, type PortsLookOptions } from './ports-look.ts';
import { addressText, endText, ownerText, secondsText } from './ports-text.ts';
import { json } from './text.ts';

export interface WhoOptions {
  readonly json?: boolean;
  readonly runtime?: string;
}

/** Connections that are named. */
const CONNECTIONS_NAMED = 1;

export async function whoCommand(word: string, options: WhoOptions, io: Io): Promise<number> {
  const words = parsePortWords(word);
  if (words.first !== words.last) {
    const hint = 'For a range: portreeve ports';
    throw new PortreeveError('usage', 'PORT_INVALID', `"${word}" is not one port`, hint, { value: word });
  }
  const { ports, notSeen } = await holdersOf(words, options, io);
  const isUntold = ports.some((port) => isHidden(port, io));
  if (options.json) io.out(json({ port: words.first, held: ports.length > 0, notSeen, ports }));
  else io.out(`${printable(sentenceOf(ports, word, io))}\n`);
  if (isUntold) return EXIT_CODES.world;
  return ports.length > 0 ? 0 : EXIT_CODES.refused;
}

/** Those who hold it for others to reach or, where there is none, who it was given to as a client. */
async function holdersOf(
  words: PortsAsked['ports'][number],
  { runtime, json: isFull = false }: WhoOptions,
  io: Io,
): Promise<PortsSeen> {
  const options: PortsLookOptions = { runtime, isFull, thoroughness: 'some' };
  const asked = { which: 'holding', ports: [words] } as const;
  const seen = await lookAtPorts(asked, options, io);
  return seen.ports.length > 0 ? seen : await lookAtPorts({ ...asked, which: 'all' }, options, io);
}

/** Somebody has it, and we may not see who. Root sees all there are. */
function isHidden({ inode, owners }: PortRecord, { uid }: Io): boolean {
  return inode !== 0 && owners.length === 0 && uid !== 0;
}

function sentenceOf(ports: readonly PortRecord[], word: string, io: Io): string {
  if (ports.length === 0) return `${word}: nobody`;
  const groups = new Map<string, PortRecord[]>();
  for (const port of ports) {
    const who = whoText(port, io);
    const key = `${port.protocol} ${who} ${doingText(port)}`;
    groups.set(key, [...(groups.get(key) ?? []), port]);
  }
  return [...groups.values()].map((group) => groupText(group, io)).join('; ');
}

/** "80/tcp: nginx (pid 812, nginx.service) listens on 0.0.0.0 and ::" */
function groupText(group: readonly PortRecord[], io: Io): string {
  const [first] = group;
  if (!first) return '';
  const where = first.remote ? connectionsText(group) : listText(group.map(addressText));
  return `${first.port}/${first.protocol}: ${whoText(first, io)} ${doingText(first)} ${where}`;
}

function whoText(record: PortRecord, io: Io): string {
  if (record.inode === 0) return 'no process any more:';
  if (record.owners.length > 0) return ownerText(record);
  return isHidden(record, io)
    ? `a process of ${ownerText(record)}, which you may not see,`
    : `no process that can be seen (${ownerText(record)})`;
}

function doingText({ state, protocol, remote, expiresMs }: PortRecord): string {
  if (state === 'LISTEN') return 'listens on';
  if (expiresMs !== null) return `${state} keeps it for ${secondsText(expiresMs)} more,`;
  if (remote) return protocol === 'udp' ? 'is connected,' : `is connected (${state}),`;
  return protocol === 'udp' ? 'receives on' : 'has bound it and does not listen, on';
}

function connectionsText(group: readonly PortRecord[]): string {
  const named = group.slice(0, CONNECTIONS_NAMED).map((port) => {
    return `${addressText(port)} to ${port.remote ? endText(port.remote) : ''}`;
  });
  const more = group.length - named.length;
  return `${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function listText(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
