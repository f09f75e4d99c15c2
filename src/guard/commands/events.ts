// `portreeve events`: what the guard refused, as the running daemon reports it, else as its archive has it.
import { resolve } from 'node:path';
import { parseJobName } from '../../base/job.ts';
import type { Io } from '../../kit/io.ts';
import { parseSince } from '../../kit/since.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import { EVENT_PORTS, type EventsAsked } from '../app/events-asked.ts';
import { eventIn, readEvents } from '../app/read-events.ts';
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
  const { runtime, state } = options;
  const place = { runtime: runtime && resolve(runtime), state: state && resolve(state) };
  const table = new EventTable(io);
  let count = 0;
  if (asked.isFollowing && !options.json) io.out(table.heading());
  for await (const line of readEvents(eventsDeps(io), asked, place)) {
    if (options.json) io.out(`${line}\n`);
    else io.out(`${count === 0 && !asked.isFollowing ? table.heading() : ''}${table.line(eventIn(line))}`);
    count++;
  }
  if (count === 0 && !options.json && !asked.isFollowing) io.out('nothing is recorded\n');
  return 0;
}
