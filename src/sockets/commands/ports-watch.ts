// `portreeve ports --watch`: a line for each port that is taken or let go, as it happens.

import { PORTS_WATCH_INTERVAL_MS } from '../../base/limits.ts';
import { printable } from '../../base/printable.ts';
import { localTime } from '../../kit/text.ts';
import type { PortNames } from '../app/port-names.ts';
import { type PortRecord, portRecord } from '../app/port-records.ts';
import { addressText, endText, ownerText } from '../app/port-words.ts';
import { isOwnedBy, named, type PortsDeps, seePorts } from '../app/ports-answer.ts';
import type { PortsQuestion } from '../app/ports-asked.ts';
import { type PortsCommandDeps, type PortsReadOptions, portsDeps } from './ports-deps.ts';
import { printProblems } from './ports-read.ts';

/** Goes on until nobody reads it, or a signal ends the process. */
export async function watchPorts(
  question: PortsQuestion,
  options: PortsReadOptions & { readonly json?: boolean },
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const ports = portsDeps({ ...options, isWatching: true }, deps);
  const names = await ports.names();
  printProblems(names.problems, io);
  const { owner, json: isFull = false } = { ...options, ...question };
  const look = () => {
    const records = seePorts(ports, question).sockets.map((socket) => portRecord(socket, isFull));
    const wanted = owner === undefined ? records : records.filter((record) => isOwnedBy(record, owner));
    return new Map(wanted.map((record) => [keyOf(record), record]));
  };
  const lineOf = isFull ? jsonLine : textLine;
  const print = (change: Change, record: PortRecord) => {
    const time = new Date(io.clock.now());
    io.out(lineOf({ change, time, record, names, interfaceName: ports.interfaceName }));
  };
  let before = look();
  while (!io.unread?.aborted) {
    await new Promise((resolve) => io.clock.after(PORTS_WATCH_INTERVAL_MS, () => resolve(undefined)));
    const now = look();
    for (const [key, record] of before) if (!now.has(key)) print('-', record);
    for (const [key, record] of now) if (!before.has(key)) print('+', record);
    before = now;
  }
  return 0;
}

/** A socket is the same as long as it has its inode and its state; one that nobody has any more, by its ends. */
function keyOf({ protocol, state, inode, address, port, remote }: PortRecord): string {
  return [protocol, state, inode, address, port, remote ? endText(remote) : ''].join(' ');
}

type Change = '+' | '-';

/** What became of a socket, and what its port is called. */
interface Changed extends Pick<PortsDeps, 'interfaceName'> {
  readonly change: Change;
  readonly time: Date;
  readonly record: PortRecord;
  readonly names: PortNames;
}

function textLine({ change, time, record, names, interfaceName }: Changed): string {
  const { protocol, port, state, remote } = record;
  const words = [
    ...[localTime(time), change, `${port}/${protocol}`],
    ...[addressText(record, interfaceName), state, remote ? endText(remote) : ''],
    ...[ownerText(record), names.nameOf(port, protocol) ?? ''],
  ];
  return `${printable(words.filter((word) => word !== '').join('  '))}\n`;
}

function jsonLine({ change, time, record, names }: Changed): string {
  const what = { time: time.toISOString(), change: change === '+' ? 'taken' : 'released' };
  return `${JSON.stringify({ ...what, ...named(record, names) })}\n`;
}
