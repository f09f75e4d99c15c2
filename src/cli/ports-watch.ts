// `portreeve ports --watch`: a line for each port that is taken or let go, as it happens.
import { type PortRecord, portsSeen } from '../app/doctor/port-records.ts';
import { type PortsAsked, seePorts } from '../app/doctor/ports-asked.ts';
import { PORTS_WATCH_INTERVAL_MS } from '../base/limits.ts';
import { systemClock } from '../host/linux/linux-clock.ts';
import type { Io } from './io.ts';
import { type PortNames, portNamesHere } from './port-names.ts';
import { isOwnedBy, namedRecord, type PortsOptions } from './ports.ts';
import { doorsHere } from './ports-look.ts';
import { addressText, endText, ownerText } from './ports-text.ts';
import { localTime } from './text.ts';

/** Goes on until nobody reads it, or a signal ends the process. */
export async function watchPorts(asked: PortsAsked, options: PortsOptions, io: Io): Promise<number> {
  const doors = doorsHere();
  const names = await portNamesHere(options, io);
  const isFull = options.json ?? false;
  const look = () => {
    const { ports } = portsSeen(seePorts(doors, asked), isFull);
    return new Map(ports.filter((port) => isOwnedBy(port, options.owner)).map((port) => [keyOf(port), port]));
  };
  const line = isFull ? jsonLine : textLine;
  let before = look();
  while (!io.unread?.aborted) {
    await new Promise((resolve) => systemClock.after(PORTS_WATCH_INTERVAL_MS, () => resolve(undefined)));
    const now = look();
    for (const [key, port] of before) if (!now.has(key)) io.out(line('-', port, names));
    for (const [key, port] of now) if (!before.has(key)) io.out(line('+', port, names));
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
    ...[localTime(new Date(systemClock.now())), change, `${port}/${protocol}`, addressText(record), state],
    ...(remote ? [endText(remote)] : []),
    ...[ownerText(record), names.nameOf(port, protocol) ?? ''],
  ];
  return `${words.filter((word) => word !== '').join('  ')}\n`;
}

function jsonLine(change: Change, record: PortRecord, names: PortNames): string {
  const time = new Date(systemClock.now()).toISOString();
  return `${JSON.stringify({ time, change: change === '+' ? 'taken' : 'released', ...namedRecord(record, names) })}\n`;
}
