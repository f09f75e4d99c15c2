// Shows events on status.sock, a line of JSON for each: those that are in the archive, and further ones as they come.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../base/errors.ts';
import {
  EVENT_PAGE_MAX,
  EVENT_READERS_MAX,
  EVENT_READERS_PER_USER_MAX,
  UNIX_STALL_MS,
} from '../../base/limits.ts';
import { type PeerCredentials, peerCredentials } from '../../host/linux/peer-credentials.ts';
import { PeerShares } from '../../job/daemon/peer-shares.ts';
import { type Share, Shares } from '../../kit/shares.ts';
import { type EventsAsked, eventLine, parseEventsPath } from '../app/events-asked.ts';
import type { EventArchive } from '../core/event-archive.ts';

/** Somebody to whom events are shown. */
interface Reader {
  readonly asked: EventsAsked;
  /** The user whose events he sees; undefined: those of all. */
  readonly only: number | undefined;
  readonly response: ServerResponse;
  /** The number of the last event that he was shown. */
  after: number;
  /** He has to take what he was sent before he gets more. */
  isWaiting: boolean;
}

export interface EventFeedDeps {
  readonly archive: Pick<EventArchive, 'read' | 'latest'>;
  /** Whether somebody may see the events of all users; each sees his own. */
  readonly maySeeAll: (peer: PeerCredentials) => boolean;
  /** Whose place a reader takes. */
  readonly shareOf?: (peer: PeerCredentials) => Share;
  /** How long a reader may take nothing of what waits for it. */
  readonly stallMs?: number;
}

const LIMITS = { places: EVENT_READERS_MAX, perUser: EVENT_READERS_PER_USER_MAX };

/** Answers who asks for events. */
export class EventFeed {
  readonly #deps: EventFeedDeps;
  readonly #shareOf: (peer: PeerCredentials) => Share;
  readonly #readers = new Set<Reader>();
  readonly #places = new Shares<ServerResponse>(LIMITS);

  constructor(deps: EventFeedDeps) {
    this.#deps = deps;
    this.#shareOf = deps.shareOf ?? new PeerShares().of;
  }

  /** To be called when something was added to the archive. */
  recorded(): void {
    for (const reader of this.#readers) this.#show(reader);
  }

  /** Answers GET with a path that eventsPath() gives. */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const asked = parseEventsPath(request.url ?? '');
    if (typeof asked === 'string') {
      refuse(response, 400, asked);
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) {
      refuse(response, 403, 'the kernel does not tell who asks');
      return;
    }
    const { uid } = peer;
    const share = this.#shareOf(peer);
    const admission = this.#places.admit(share, response);
    if ('refused' in admission) {
      const whose = admission.refused === 'user' ? ' of this user' : '';
      refuse(response, 503, `too many programs${whose} are shown events already`);
      return;
    }
    response.on('close', () => this.#places.leave(response));
    admission.victim?.destroy();
    try {
      const onlyNew = asked.isFollowing && asked.sinceMs === undefined;
      const after = onlyNew ? this.#deps.archive.latest() : 0;
      const only = this.#deps.maySeeAll(peer) ? undefined : uid;
      this.#begin({ asked, only, response, after, isWaiting: false });
    } catch (thrown) {
      refuse(response, 500, messageOf(thrown));
    }
  };

  #begin(reader: Reader): void {
    const { response } = reader;
    // What is wrong with the archive is told as an error, before anything else is.
    const first = this.#next(reader);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    // A reader may wait for events as long as it likes, and may not keep those waiting that there are.
    response.setTimeout(0);
    this.#readers.add(reader);
    response.on('close', () => this.#readers.delete(reader));
    response.on('drain', () => {
      reader.isWaiting = false;
      response.setTimeout(0);
      this.#show(reader);
    });
    this.#send(reader, first);
    this.#show(reader);
  }

  /** Shows what there is, as far as the reader takes it. */
  #show(reader: Reader): void {
    try {
      while (!reader.isWaiting && !reader.response.writableEnded) {
        const lines = this.#next(reader);
        if (lines.length > 0) this.#send(reader, lines);
        else if (reader.asked.isFollowing) return;
        else reader.response.end();
      }
    } catch {
      // A cut connection is the only way left to say that this is not all.
      reader.response.destroy();
    }
  }

  /** The next lines for a reader. */
  #next(reader: Reader): string {
    const { archive } = this.#deps;
    const latest = archive.latest();
    const { asked, only, after } = reader;
    const { sinceMs, job, protocol, ports } = asked;
    const events = archive.read({ after, limit: EVENT_PAGE_MAX, sinceMs, uid: only, job, protocol, ports });
    // Where nothing was found, nothing up to the latest has to be looked at again.
    reader.after = events.at(-1)?.number ?? Math.max(after, latest);
    return events.map((event) => `${JSON.stringify(eventLine(event))}\n`).join('');
  }

  #send(reader: Reader, lines: string): void {
    const { response } = reader;
    if (lines === '' || response.write(lines)) return;
    reader.isWaiting = true;
    response.setTimeout(this.#deps.stallMs ?? UNIX_STALL_MS);
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ error })}\n`);
}
