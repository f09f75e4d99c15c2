// `portreeve ports --watch`: prints a line for each socket that is opened or closed.

import { PORTS_WATCH_INTERVAL_MS } from '../../base/limits.ts';
import { printable } from '../../base/printable.ts';
import { localTime } from '../../kit/text.ts';
import type { PortNames } from '../app/port-names.ts';
import { type PortRecord, portRecord } from '../app/port-records.ts';
import { addressText, endText, ownerText } from '../app/port-text.ts';
import { isOwnedBy, named, type PortsDeps, readPorts } from '../app/ports-answer.ts';
import type { PortsQuery } from '../app/ports-query.ts';
import { type PortsCommandDeps, type PortsReadOptions, portsDeps } from './ports-deps.ts';
import { printProblems } from './ports-read.ts';

/** Runs until the reader closes the output or a signal ends the process. */
export async function watchPorts(
  query: PortsQuery,
  options: PortsReadOptions & { readonly json?: boolean },
  deps: PortsCommandDeps,
): Promise<number> {
  const { io } = deps;
  const ports = portsDeps({ ...options, isWatching: true }, deps);
  const names = await ports.names();
  printProblems(names.problems, io);
  const { owner, json: isFull = false } = { ...options, ...query };
  const read = () => {
    const records = readPorts(ports, query).sockets.map((socket) => portRecord(socket, isFull));
    const wanted = owner === undefined ? records : records.filter((record) => isOwnedBy(record, owner));
    return new Map(wanted.map((record) => [keyOf(record), record]));
  };
  const lineOf = isFull ? jsonLine : textLine;
  const print = (change: Change, record: PortRecord) => {
    const time = new Date(io.clock.now());
    io.out(lineOf({ change, time, record, names, interfaceName: ports.interfaceName }));
  };
  let before = read();
  while (!io.unread?.aborted) {
    await new Promise((resolve) => io.clock.after(PORTS_WATCH_INTERVAL_MS, () => resolve(undefined)));
    const now = read();
    for (const [key, record] of before) if (!now.has(key)) print('-', record);
    for (const [key, record] of now) if (!before.has(key)) print('+', record);
    before = now;
  }
  return 0;
}

/** Identifies a socket by its inode and state, and by its addresses, because a closed socket has no inode. */
function keyOf({ protocol, state, inode, address, port, remote }: PortRecord): string {
  return [protocol, state, inode, address, port, remote ? endText(remote) : ''].join(' ');
}

type Change = '+' | '-';

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
