// `portreeve events`: what the guard refused, as the running daemon tells it, else as its archive has it.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { parseJobName } from '../../base/job.ts';
import { EVENT_PAGE_MAX } from '../../base/limits.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { lookSocketIn, requireTrusted } from '../../kit/daemon-status.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { followLines } from '../../kit/follow.ts';
import type { Io } from '../../kit/io.ts';
import { parseSince } from '../../kit/since.ts';
import { portRanges } from '../../names/commands/port-arguments.ts';
import { EVENT_PORTS, type EventLine, type EventsAsked, eventLine, eventsPath } from '../app/events.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';
import { EventTable } from './event-table.ts';
import type { EventsOptions } from './index.ts';

export async function eventsCommand(options: EventsOptions, io: Io): Promise<number> {
  const asked: EventsAsked = {
    isFollowing: options.follow ?? false,
    ...(options.since === undefined ? {} : { sinceMs: parseSince(options.since, systemClock.now()) }),
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

/** The codes that mean that no daemon tells of events there. */
const UNTOLD: ReadonlySet<string> = new Set([
  ...['DAEMON_ABSENT', 'DAEMON_DENIED', 'DAEMON_CANNOT', 'RUNTIME_DIRECTORY'],
]);

/** The events themselves. Throws PortreeveError (world) where nobody tells of them. */
export async function* eventsTold(
  asked: EventsAsked,
  options: EventsOptions,
  io: Io,
): AsyncGenerator<EventLine> {
  for await (const line of linesOf(asked, options, io)) yield eventIn(line);
}

/** Lines of JSON: of the daemon that answers first, else of the archive. */
async function* linesOf(asked: EventsAsked, options: EventsOptions, io: Io): AsyncGenerator<string> {
  const { runtime, state } = options;
  if (state !== undefined) {
    yield* archivedLines(resolve(state), asked);
    return;
  }
  const own = directoriesOf(io.uid, io.env);
  const usual = new Set([own.runtime, SYSTEM_DIRECTORIES.runtime]);
  const reasons: string[] = [];
  for (const directory of runtime === undefined ? usual : [resolve(runtime)]) {
    try {
      if (runtime === undefined) requireTrusted(directory, io.uid);
      yield* followLines(lookSocketIn(directory, io.uid), eventsPath(asked), { signal: io.unread });
      return;
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError && UNTOLD.has(thrown.code))) throw thrown;
      reasons.push(thrown.message);
    }
  }
  if (asked.isFollowing || runtime !== undefined) throw nobodyTells(reasons);
  const isOwn = existsSync(join(own.state, EVENT_DATABASE));
  try {
    yield* archivedLines(isOwn ? own.state : SYSTEM_DIRECTORIES.state, asked);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    throw nobodyTells([...reasons, thrown.message]);
  }
}

function* archivedLines(state: string, asked: EventsAsked): Generator<string> {
  const { sinceMs, job, protocol, ports } = asked;
  if (asked.isFollowing) {
    const hint = 'Leave --state out: the running daemon is asked then.';
    throw new PortreeveError('FOLLOW_ARCHIVE', 'an archive cannot be followed', hint);
  }
  const archive = new SqliteEventArchive(state);
  let after = 0;
  for (;;) {
    const events = archive.read({ after, limit: EVENT_PAGE_MAX, sinceMs, job, protocol, ports });
    for (const event of events) yield JSON.stringify(eventLine(event));
    const last = events.at(-1);
    if (!last) return;
    after = last.number;
  }
}

function nobodyTells(reasons: readonly string[]): PortreeveError {
  const message = ['no portreeve daemon tells of events:', ...reasons].join('\n  ');
  return new PortreeveError('DAEMON_ABSENT', message, 'Start it as root: portreeve serve');
}
