// `portreeve events`: what the guard refused, from the running daemon, or from its archive if no daemon runs.
import { resolve } from 'node:path';
import { parseJobName } from '../../base/job.ts';
import type { Io } from '../../kit/io.ts';
import { parseSince } from '../../kit/since.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import { EVENT_PORTS, type EventsRequest } from '../app/events-request.ts';
import { eventIn, readEvents } from '../app/read-events.ts';
import { EventTable } from './event-table.ts';
import { eventsDeps } from './events-deps.ts';
import type { EventsOptions } from './index.ts';

export async function eventsCommand(options: EventsOptions, io: Io): Promise<number> {
  const request: EventsRequest = {
    isFollowing: options.follow ?? false,
    ...(options.since === undefined ? {} : { sinceMs: parseSince(options.since, io.clock.now()) }),
    ...(options.job === undefined ? {} : { job: parseJobName(options.job) }),
    ...(options.port === undefined ? {} : { ports: portRanges(options.port, EVENT_PORTS) }),
  };
  const { runtime, state } = options;
  const place = { runtime: runtime && resolve(runtime), state: state && resolve(state) };
  const table = new EventTable(io);
  let count = 0;
  if (request.isFollowing && !options.json) io.out(table.heading());
  for await (const line of readEvents(eventsDeps(io), request, place)) {
    if (options.json) io.out(`${line}\n`);
    else io.out(`${count === 0 && !request.isFollowing ? table.heading() : ''}${table.line(eventIn(line))}`);
    count++;
  }
  if (count === 0 && !options.json && !request.isFollowing) io.out('no events\n');
  return 0;
}
