// `portreeve who`: who holds a port, in one line.

import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import type { PortRecord } from '../app/port-records.ts';
import { endText, ownerText, secondsText } from '../app/port-words.ts';
import type { PortsRecords } from '../app/ports-answer.ts';
import { type PortWords, parsePortWords } from '../app/ports-asked.ts';
import type { PortsLookOptions } from './ports-doors.ts';
import { lookAtRecords } from './ports-look.ts';

export interface WhoOptions {
  readonly json?: boolean;
  readonly runtime?: string;
}

export async function whoCommand(word: string, options: WhoOptions, io: Io): Promise<number> {
  const words = parsePortWords(word);
  if (words.first !== words.last) {
    const hint = 'For a range: portreeve ports';
    throw new PortreeveError('usage', 'PORT_INVALID', `"${word}" is not one port`, hint, { value: word });
  }
  const { ports, notSeen } = await holdersOf(words, options, io);
  if (options.json) {
    const { json } = await import('../../kit/text.ts');
    io.out(json({ port: words.first, held: ports.length > 0, notSeen, ports }));
  } else io.out(`${printable(sentenceOf(ports, word, io))}\n`);
  if (ports.some((port) => isHidden(port, io))) return EXIT_CODES.world;
  return ports.length > 0 ? 0 : EXIT_CODES.refused;
}

/** Those who hold it for others to reach or, where there is none, whoever it was given to as a client. */
async function holdersOf(
  words: PortWords,
  { runtime, json: isNamed = false }: WhoOptions,
  io: Io,
): Promise<PortsRecords> {
  const options: PortsLookOptions = { runtime, thoroughness: 'some', isNamed };
  const question = { which: 'holding', ports: [words], owner: undefined } as const;
  const seen = await lookAtRecords(question, options, io);
  return seen.shown > 0 ? seen : await lookAtRecords({ ...question, which: 'all' }, options, io);
}

/** Somebody has it, and we may not see who. Root sees all there are. */
function isHidden({ inode, owners }: PortRecord, { uid }: Io): boolean {
  return inode !== 0 && owners.length === 0 && uid !== 0;
}

/** What is said alike of several sockets is said once. */
function sentenceOf(ports: readonly PortRecord[], word: string, io: Io): string {
  if (ports.length === 0) return `${word}: nobody`;
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
