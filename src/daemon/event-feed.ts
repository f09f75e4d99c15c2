// Shows events on look.sock, a line of JSON for each: those that are in the archive, and further ones as they come.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type EventsAsked, eventLine, parseEventsPath } from '../app/events.ts';
import { messageOf } from '../base/errors.ts';
import { EVENT_PAGE_MAX, EVENT_READERS_MAX, EVENT_READERS_PER_USER_MAX } from '../base/limits.ts';
import type { EventArchive } from '../host/host.ts';
import { type PeerCredentials, peerCredentials } from '../host/linux/peer-credentials.ts';

/** Somebody to whom events are shown. */
interface Reader {
  readonly uid: number;
  readonly asked: EventsAsked;
  /** The user whose events he sees; undefined: those of all. */
  readonly only: number | undefined;
  readonly response: ServerResponse;
  /** The number of the last event that he was shown. */
  after: number;
  /** He has to take what he was sent before he gets more. */
  isWaiting: boolean;
}

export interface EventFeedDoors {
  readonly archive: Pick<EventArchive, 'read' | 'latest'>;
  /** Whether somebody may see the events of all users; each sees his own. */
  readonly maySeeAll: (peer: PeerCredentials) => boolean;
}

/** Answers who asks for events. */
export class EventFeed {
  readonly #doors: EventFeedDoors;
  readonly #readers = new Set<Reader>();

  constructor(doors: EventFeedDoors) {
    this.#doors = doors;
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
    if (this.#isCrowded(uid)) {
      refuse(response, 503, 'too many look at events already');
      return;
    }
    try {
      const onlyNew = asked.isFollowing && asked.sinceMs === undefined;
      const after = onlyNew ? this.#doors.archive.latest() : 0;
      const only = this.#doors.maySeeAll(peer) ? undefined : uid;
      this.#begin({ uid, asked, only, response, after, isWaiting: false });
    } catch (thrown) {
      refuse(response, 500, messageOf(thrown));
    }
  };

  #isCrowded(uid: number): boolean {
    const own = [...this.#readers].filter((reader) => reader.uid === uid).length;
    return this.#readers.size >= EVENT_READERS_MAX || (uid !== 0 && own >= EVENT_READERS_PER_USER_MAX);
  }

  #begin(reader: Reader): void {
    const { response } = reader;
    // What is wrong with the archive is told as an error, before anything else is.
    const first = this.#next(reader);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    this.#readers.add(reader);
    response.on('close', () => this.#readers.delete(reader));
    response.on('drain', () => {
      reader.isWaiting = false;
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
    const { archive } = this.#doors;
    const latest = archive.latest();
    const { asked, only, after } = reader;
    const { sinceMs, job, protocol, port } = asked;
    const events = archive.read({ after, limit: EVENT_PAGE_MAX, sinceMs, uid: only, job, protocol, port });
    // Where nothing was found, nothing up to the latest has to be looked at again.
    reader.after = events.at(-1)?.number ?? Math.max(after, latest);
    return events.map((event) => `${JSON.stringify(eventLine(event))}\n`).join('');
  }

  #send(reader: Reader, lines: string): void {
    if (lines !== '' && !reader.response.write(lines)) reader.isWaiting = true;
  }
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ error })}\n`);
}
