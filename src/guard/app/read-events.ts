// The events of the guard: as the daemon that answers first reports them, else as its archive has them.

import { PortreeveError } from '../../base/errors.ts';
import { EVENT_PAGE_MAX } from '../../base/limits.ts';
import type { EventArchive } from '../core/event-archive.ts';
import { type EventLine, type EventsAsked, eventLine, eventsPath } from './events-asked.ts';

/** Where events are. */
export interface EventsDeps {
  /** The lines of a daemon's answer to GET `path`. `isNamed`: its runtime directory need not be trusted. */
  readonly daemonLines: (directory: string, path: string, isNamed: boolean) => AsyncIterable<string>;
  readonly archiveIn: (state: string) => Pick<EventArchive, 'read'>;
  readonly hasArchive: (state: string) => boolean;
  /** The usual runtime directories, and the usual state directories: one's own first. */
  readonly runtimes: readonly [own: string, system: string];
  readonly states: readonly [own: string, system: string];
}

/** Where to look; undefined: in the usual places. */
export interface EventsPlace {
  readonly runtime: string | undefined;
  /** Then no daemon is asked. */
  readonly state: string | undefined;
}

/** The codes of daemons that report no events; others have answered, and the answer is an error. */
const NOT_REPORTING: ReadonlySet<string> = new Set([
  ...['DAEMON_ABSENT', 'DAEMON_DENIED', 'DAEMON_CANNOT', 'RUNTIME_DIRECTORY'],
]);

/**
 * A line of JSON for each event, an EventLine. Throws PortreeveError `FOLLOW_ARCHIVE` (usage), and (environment)
 * `DAEMON_ABSENT` where nobody reports events, with what was tried, and what the daemon that answered broke off with.
 */
export async function* readEvents(
  deps: EventsDeps,
  asked: EventsAsked,
  { runtime, state }: EventsPlace,
): AsyncGenerator<string> {
  if (state !== undefined) {
    if (asked.isFollowing) throw followingArchive();
    yield* archivedLines(deps.archiveIn(state), asked);
    return;
  }
  const reasons: string[] = [];
  for (const directory of runtime === undefined ? new Set(deps.runtimes) : [runtime]) {
    try {
      yield* deps.daemonLines(directory, eventsPath(asked), runtime !== undefined);
      return;
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError && NOT_REPORTING.has(thrown.code))) throw thrown;
      reasons.push(thrown.message);
    }
  }
  if (asked.isFollowing || runtime !== undefined) throw nobodyReports(reasons);
  const [own, system] = deps.states;
  try {
    yield* archivedLines(deps.archiveIn(deps.hasArchive(own) ? own : system), asked);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    throw nobodyReports([...reasons, thrown.message]);
  }
}

/** A line of the daemon is what it says: it is of this host, and of root or of oneself. */
export function eventIn(line: string): EventLine {
  return JSON.parse(line);
}

/** How far it is looked back: less far where there is too much. */
const LATEST_MS = [86_400_000, 3_600_000, 60_000] as const;

/** What the guard did with a port lately, the oldest first. Throws what readEvents() throws. */
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

function* archivedLines(archive: Pick<EventArchive, 'read'>, asked: EventsAsked): Generator<string> {
  const { sinceMs, job, protocol, ports } = asked;
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
  const hint = 'Leave --state out: the running daemon is asked then.';
  return new PortreeveError('FOLLOW_ARCHIVE', 'an archive cannot be followed', hint);
}

function nobodyReports(reasons: readonly string[]): PortreeveError {
  const message = ['no portreeve daemon tells of events:', ...reasons].join('\n  ');
  return new PortreeveError('DAEMON_ABSENT', message, 'Start it as root: portreeve serve');
}
