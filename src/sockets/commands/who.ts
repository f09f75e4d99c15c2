// `portreeve who`: prints in one line for each port which process holds it.

import { EXIT_CODES } from '../../base/errors.ts';
import { isInRange, portRangeText, type RequestedPorts } from '../../base/port.ts';
import { printable } from '../../base/printable.ts';
import type { Io } from '../../kit/io.ts';
import { expandPorts } from '../../names/commands/port-arguments.ts';
import type { PortRecord } from '../app/port-records.ts';
import { endText, ownerText, secondsText, userText } from '../app/port-text.ts';
import { holdersOf } from '../app/ports-query.ts';
import type { WhoOptions } from './index.ts';
import type { PortsCommandDeps, PortsReadOptions } from './ports-deps.ts';
import { readRecords } from './ports-read.ts';

export async function whoCommand(
  words: readonly string[],
  options: WhoOptions,
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const ranges = expandPorts(words);
  const readOptions: PortsReadOptions = {
    runtime: options.runtime,
    thoroughness: 'some',
    isNamed: options.json ?? false,
  };
  const { ports, hiddenProcesses } = await holdersOf(ranges, (query) =>
    readRecords(query, readOptions, deps),
  );
  const answers = ranges.map((range) => ({
    range,
    ports: ports.filter(({ port, protocol }) => isInRange(port, protocol, range)),
  }));
  if (options.json) {
    const { json } = await import('../../kit/text.ts');
    const results = answers.map(({ range, ports: sockets }) => ({
      port: range.first,
      protocol: range.protocol ?? null,
      inUse: sockets.length > 0,
    }));
    const head = results.length === 1 ? { port: ranges[0]?.first } : { results };
    io.out(json({ ...head, inUse: results.every(({ inUse }) => inUse), hiddenProcesses, ports }));
  } else for (const answer of answers) io.out(`${printable(sentenceOf(answer, io))}\n`);
  return Math.max(...answers.map((answer) => exitCodeOf(answer, io)));
}

/** A port and the sockets that hold it. */
interface WhoAnswer {
  readonly range: RequestedPorts;
  readonly ports: readonly PortRecord[];
}

function exitCodeOf({ ports }: WhoAnswer, io: Io): number {
  if (ports.some((port) => isHidden(port, io))) return EXIT_CODES.environment;
  return ports.length > 0 ? 0 : EXIT_CODES.refused;
}

/** Whether the user may not see the owner. Root sees every process in its PID namespace. */
function isHidden({ inode, owners }: PortRecord, { uid }: Io): boolean {
  return inode !== 0 && owners.length === 0 && uid !== 0;
}

/** Combines sockets that differ only in their address. */
function sentenceOf({ range, ports }: WhoAnswer, io: Io): string {
  if (ports.length === 0) return `${portRangeText(range)} is not in use`;
  const groups = Map.groupBy(
    ports,
    (port) => `${port.port}/${port.protocol} is in use${whoText(port, io)}, ${stateText(port)}`,
  );
  return [...groups].map(([text, group]) => `${text} ${addressesText(group)}`).join('; ');
}

function whoText(record: PortRecord, io: Io): string {
  if (record.inode === 0) return ' by no process';
  if (record.owners.length > 0) return ` by ${ownerText(record)}`;
  const why = isHidden(record, io) ? 'permission denied' : 'no process in this PID namespace has it';
  return `, owner unknown (${userText(record)}; ${why})`;
}

function stateText({ state, protocol, remote, expiresMs }: PortRecord): string {
  if (expiresMs !== null) return `${state} for ${secondsText(expiresMs)} more,`;
  if (state === 'LISTEN') return 'listening on';
  if (remote) return protocol === 'udp' ? 'connected,' : `connected (${state}),`;
  return protocol === 'udp' ? 'receiving on' : 'bound but not listening, on';
}

function addressesText(group: readonly PortRecord[]): string {
  const [first] = group;
  if (!first?.remote) return listText(group.map(boundAddress));
  const more = group.length === 1 ? '' : ` and ${group.length - 1} more`;
  return `${endText(first)} to ${endText(first.remote)}${more}`;
}

/** "*" for IPv4 and IPv6, as in the table. */
function boundAddress({ address, v6Only }: PortRecord): string {
  return address === '::' && !v6Only ? '*' : address;
}

function listText(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
