// `portreeve ports --watch`: a line for each port that is taken or let go, as it happens.

import { PORTS_WATCH_INTERVAL_MS } from '../../base/limits.ts';
import { printable } from '../../base/printable.ts';
import { localTime } from '../../kit/text.ts';
import type { PortNames } from '../app/port-names.ts';
import { type PortRecord, portRecord } from '../app/port-records.ts';
import { addressText, endText, ownerText } from '../app/port-words.ts';
import { isOwnedBy, named } from '../app/ports-answer.ts';
import type { PortsQuestion } from '../app/ports-asked.ts';
import { seePorts } from '../app/see-ports.ts';
import {
  clock,
  interfaceName,
  type PortsCommandDeps,
  type PortsLookOptions,
  portsDeps,
} from './ports-deps.ts';
import { tellProblems } from './ports-look.ts';

/** Goes on until nobody reads it, or a signal ends the process. */
export async function watchPorts(
  question: PortsQuestion,
  options: PortsLookOptions & { readonly json?: boolean },
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const ports = portsDeps({ ...options, isWatching: true }, deps);
  const names = await ports.names();
  tellProblems(names.problems, io);
  const { owner, json: isFull = false } = { ...options, ...question };
  const look = () => {
    const records = seePorts(ports, question).sockets.map((socket) => portRecord(socket, isFull));
    const wanted = owner === undefined ? records : records.filter((record) => isOwnedBy(record, owner));
    return new Map(wanted.map((record) => [keyOf(record), record]));
  };
  const line = isFull ? jsonLine : textLine;
  let before = look();
  while (!io.unread?.aborted) {
    await new Promise((resolve) => clock.after(PORTS_WATCH_INTERVAL_MS, () => resolve(undefined)));
    const now = look();
    for (const [key, record] of before) if (!now.has(key)) io.out(line('-', record, names));
    for (const [key, record] of now) if (!before.has(key)) io.out(line('+', record, names));
    before = now;
  }
  return 0;
}

/** A socket is the same as long as it has its inode and its state; one that nobody has any more, by its ends. */
function keyOf({ protocol, state, inode, address, port, remote }: PortRecord): string {
  return [protocol, state, inode, address, port, remote ? endText(remote) : ''].join(' ');
}

type Change = '+' | '-';

function textLine(change: Change, record: PortRecord, names: PortNames): string {
  const { protocol, port, state, remote } = record;
  const words = [
    ...[localTime(new Date(clock.now())), change, `${port}/${protocol}`],
    ...[addressText(record, interfaceName), state, remote ? endText(remote) : ''],
    ...[ownerText(record), names.nameOf(port, protocol) ?? ''],
  ];
  return `${printable(words.filter((word) => word !== '').join('  '))}\n`;
}

function jsonLine(change: Change, record: PortRecord, names: PortNames): string {
  const time = new Date(clock.now()).toISOString();
  return `${JSON.stringify({ time, change: change === '+' ? 'taken' : 'released', ...named(record, names) })}\n`;
}
