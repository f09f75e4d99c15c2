// `portreeve events`: what the guard refused, as the running daemon tells it, else as its archive has it.
import { resolve } from 'node:path';
import { parseJobName } from '../../base/job.ts';
import type { Io } from '../../kit/io.ts';
import { parseSince } from '../../kit/since.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import { EVENT_PORTS, type EventLine, type EventsAsked } from '../app/events-asked.ts';
import { readEvents } from '../app/read-events.ts';
import { EventTable } from './event-table.ts';
import { eventsDeps } from './events-deps.ts';
import type { EventsOptions } from './index.ts';

export async function eventsCommand(options: EventsOptions, io: Io): Promise<number> {
  const asked: EventsAsked = {
    isFollowing: options.follow ?? false,
    ...(options.since === undefined ? {} : { sinceMs: parseSince(options.since, io.clock.now()) }),
    ...(options.job === undefined ? {} : { job: parseJobName(options.job) }),
    ...(options.port === undefined ? {} : { ports: portRanges(options.port, EVENT_PORTS) }),
  };
  const table = new EventTable(io);
  let count = 0;
  if (asked.isFollowing && !options.json) io.out(table.heading());
  for await (const line of linesOf(asked, options, io)) {
    if (options.json) io.out(`${line}\n`);
    else io.out(`${count === 0 && !asked.isFollowing ? table.heading() : ''}${table.line(eventIn(line))}`);
    count++;
  }
  if (count === 0 && !options.json && !asked.isFollowing) io.out('nothing is recorded\n');
  return 0;
}

/** A line of the daemon is what it says: it is of this host, and of root or of oneself. */
function eventIn(line: string): EventLine {
  return JSON.parse(line);
}

/** The events themselves. Throws what readEvents() throws. */
export async function* eventsTold(
  asked: EventsAsked,
  options: EventsOptions,
  io: Io,
): AsyncGenerator<EventLine> {
  for await (const line of linesOf(asked, options, io)) yield eventIn(line);
}

function linesOf(asked: EventsAsked, { runtime, state }: EventsOptions, io: Io): AsyncGenerator<string> {
  const place = { runtime: runtime && resolve(runtime), state: state && resolve(state) };
  return readEvents(eventsDeps(io), asked, place);
}
