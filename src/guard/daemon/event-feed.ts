// Serves events on status.sock, one line of JSON each: those in the archive and, if requested, later ones.
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
import { type EventsRequest, eventLine, parseEventsPath } from '../app/events-request.ts';
import type { EventArchive } from '../core/event-archive.ts';

/** A client that is receiving events. */
interface Reader {
  readonly wanted: EventsRequest;
  /** The user whose events it may see; undefined: all events. */
  readonly only: number | undefined;
  readonly response: ServerResponse;
  /** The number of the last event that was sent. */
  after: number;
  /** The client has to read what was sent before it gets more. */
  isWaiting: boolean;
}

export interface EventFeedDeps {
  readonly archive: Pick<EventArchive, 'read' | 'latest'>;
  /** Whether a client may see the events of all users, not only its own. */
  readonly maySeeAll: (peer: PeerCredentials) => boolean;
  /** The share whose limit a client counts against. */
  readonly shareOf?: (peer: PeerCredentials) => Share;
  /** The timeout of a client that does not read what was sent. */
  readonly stallMs?: number;
}

const LIMITS = { places: EVENT_READERS_MAX, perUser: EVENT_READERS_PER_USER_MAX };

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

  /** Answers GET with a path of eventsPath(). */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const wanted = parseEventsPath(request.url ?? '');
    if (typeof wanted === 'string') {
      refuse(response, 400, wanted);
      return;
    }
    const peer = peerCredentials(request.socket);
    if (!peer) {
      refuse(response, 403, 'the kernel does not report the peer of this connection');
      return;
    }
    const { uid } = peer;
    const share = this.#shareOf(peer);
    const admission = this.#places.admit(share, response);
    if ('refused' in admission) {
      const owner = admission.refused === 'user' ? ' of this user' : '';
      refuse(response, 503, `too many clients${owner} are reading events`);
      return;
    }
    response.on('close', () => this.#places.leave(response));
    admission.victim?.destroy();
    try {
      const onlyNew = wanted.isFollowing && wanted.sinceMs === undefined;
      const after = onlyNew ? this.#deps.archive.latest() : 0;
      const only = this.#deps.maySeeAll(peer) ? undefined : uid;
      this.#begin({ wanted, only, response, after, isWaiting: false });
    } catch (thrown) {
      refuse(response, 500, messageOf(thrown));
    }
  };

  #begin(reader: Reader): void {
    const { response } = reader;
    // Read first, so that an error of the archive becomes an error response.
    const first = this.#next(reader);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    // No timeout while the client waits for events; only while events wait for the client.
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

  /** Sends pending events until the client stops reading. */
  #show(reader: Reader): void {
    try {
      while (!reader.isWaiting && !reader.response.writableEnded) {
        const lines = this.#next(reader);
        if (lines.length > 0) this.#send(reader, lines);
        else if (reader.wanted.isFollowing) return;
        else reader.response.end();
      }
    } catch {
      // After the header, closing the connection is the only way to report that the response is incomplete.
      reader.response.destroy();
    }
  }

  #next(reader: Reader): string {
    const { archive } = this.#deps;
    const latest = archive.latest();
    const { wanted, only, after } = reader;
    const { sinceMs, job, protocol, ports } = wanted;
    const events = archive.read({ after, limit: EVENT_PAGE_MAX, sinceMs, uid: only, job, protocol, ports });
    // If nothing matched, nothing up to the latest event has to be read again.
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
