// Reads the guard's events: from the first daemon that answers, or from the archive if none does.

import { PortreeveError } from '../../base/errors.ts';
import { EVENT_PAGE_MAX } from '../../base/limits.ts';
import type { EventArchive } from '../core/event-archive.ts';
import { type EventLine, type EventsRequest, eventLine, eventsPath } from './events-request.ts';

export interface EventsDeps {
  /** The lines of a daemon's answer to GET `path`. `isNamed`: its runtime directory need not be trusted. */
  readonly daemonLines: (directory: string, path: string, isNamed: boolean) => AsyncIterable<string>;
  readonly archiveIn: (state: string) => Pick<EventArchive, 'read'>;
  readonly hasArchive: (state: string) => boolean;
  /** The default runtime and state directories, the user's own first. */
  readonly runtimes: readonly [own: string, system: string];
  readonly states: readonly [own: string, system: string];
}

/** Where to read; undefined: at the default places. */
export interface EventsPlace {
  readonly runtime: string | undefined;
  /** If set, no daemon is asked. */
  readonly state: string | undefined;
}

/** The error codes of a daemon that reports no events. With any other code, the daemon has answered. */
const NOT_REPORTING: ReadonlySet<string> = new Set([
  ...['DAEMON_ABSENT', 'DAEMON_DENIED', 'DAEMON_CANNOT', 'RUNTIME_DIRECTORY'],
]);

/**
 * Yields a line of JSON for each event, an EventLine. Throws PortreeveError `FOLLOW_ARCHIVE` (usage), and (environment)
 * `DAEMON_ABSENT` where no daemon reports events, with what was tried, and the error with which a daemon stopped.
 */
export async function* readEvents(
  deps: EventsDeps,
  request: EventsRequest,
  { runtime, state }: EventsPlace,
): AsyncGenerator<string> {
  if (state !== undefined) {
    if (request.isFollowing) throw followingArchive();
    yield* archivedLines(deps.archiveIn(state), request);
    return;
  }
  const reasons: string[] = [];
  for (const directory of runtime === undefined ? new Set(deps.runtimes) : [runtime]) {
    try {
      yield* deps.daemonLines(directory, eventsPath(request), runtime !== undefined);
      return;
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError && NOT_REPORTING.has(thrown.code))) throw thrown;
      reasons.push(thrown.message);
    }
  }
  if (request.isFollowing || runtime !== undefined) throw noDaemonReports(reasons);
  const [own, system] = deps.states;
  try {
    yield* archivedLines(deps.archiveIn(deps.hasArchive(own) ? own : system), request);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    throw noDaemonReports([...reasons, thrown.message]);
  }
}

/** The line needs no validation: the daemon belongs to root or to this user. */
export function eventIn(line: string): EventLine {
  return JSON.parse(line);
}

/** How far back to read; a shorter time is used if there are too many events. */
const LATEST_MS = [86_400_000, 3_600_000, 60_000] as const;

/** The most recent events for a port, oldest first. Throws what readEvents() throws. */
export async function latestEvents(
  deps: EventsDeps,
  port: number,
  nowMs: number,
  place: EventsPlace,
): Promise<readonly EventLine[]> {
  const ports = [{ first: port, last: port, protocol: undefined }];
  let events: EventLine[] = [];
  for (const back of LATEST_MS) {
    events = [];
    for await (const line of readEvents(deps, { isFollowing: false, sinceMs: nowMs - back, ports }, place)) {
      if (events.push(eventIn(line)) === EVENT_PAGE_MAX) break;
    }
    if (events.length < EVENT_PAGE_MAX) break;
  }
  return events;
}

function* archivedLines(archive: Pick<EventArchive, 'read'>, request: EventsRequest): Generator<string> {
  const { sinceMs, job, protocol, ports } = request;
  let after = 0;
  for (;;) {
    const events = archive.read({ after, limit: EVENT_PAGE_MAX, sinceMs, job, protocol, ports });
    for (const event of events) yield JSON.stringify(eventLine(event));
    const last = events.at(-1);
    if (!last) return;
    after = last.number;
  }
}

function followingArchive(): PortreeveError {
  const hint = 'Omit --state to follow the events of the running daemon.';
  return new PortreeveError('FOLLOW_ARCHIVE', 'an archive cannot be followed', hint);
}

function noDaemonReports(reasons: readonly string[]): PortreeveError {
  const message = ['no portreeve daemon reports events:', ...reasons].join('\n  ');
  return new PortreeveError('DAEMON_ABSENT', message, 'To start it as root: portreeve serve');
}
