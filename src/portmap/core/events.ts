// Events of registrations for the log: reported one by one up to a limit per second, and counted beyond it.
import { EVENTS_PER_SECOND_MAX } from '../../base/limits.ts';

/** What can happen to a registration. */
export type EventKind = 'set' | 'unset' | 'refused' | 'dropped';

/** A change that was made or refused, for the log. */
export interface PortmapEvent {
  readonly what: EventKind;
  /** Why it was refused or dropped; empty for `set` and `unset`. */
  readonly reason: string;
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
  /** The caller: its uid, undefined if unknown, and its address. */
  readonly uid: number | undefined;
  readonly from: string;
}

/** The number of events of each kind that were counted but not reported. */
export type EventCounts = Readonly<Record<EventKind, number>>;

/** An event as a line of the log. */
export function eventText(event: PortmapEvent): string {
  const { what, program, version, netid, address, reason, uid, from } = event;
  const entry = `program ${program} version ${version} ${netid} ${address}`;
  if (what === 'dropped') return `portmap: ${entry} was dropped: ${reason}`;
  const who = uid === undefined ? `a caller at ${from}` : `uid ${uid} (${from})`;
  if (what === 'refused') return `portmap: refused a change by ${who}: ${entry}: ${reason}`;
  return `portmap: ${who} ${what === 'set' ? 'registered' : 'removed'} ${entry}`;
}

/** The number of suppressed events as a line of the log. */
export function suppressedText({ set, unset, refused, dropped }: EventCounts): string {
  return `also within one second: ${set} registered, ${unset} removed, ${refused} refused, ${dropped} dropped`;
}

export interface EventListener {
  onEvent(event: PortmapEvent): void;
  onSuppressed(counts: EventCounts): void;
  /** A bug of portreeve: the stack of the exception. */
  onFault(stack: string): void;
}

const NONE: EventCounts = { set: 0, unset: 0, refused: 0, dropped: 0 };
const SECOND_MS = 1000;

/** Admits at most EVENTS_PER_SECOND_MAX events of a kind per second, so that a flood cannot fill the log. */
export class EventGate {
  readonly #listener: EventListener;
  #reported: Record<EventKind, number> = { ...NONE };
  #suppressed: Record<EventKind, number> = { ...NONE };
  #secondEndsAt = 0;
  #hasFault = false;

  constructor(listener: EventListener) {
    this.#listener = listener;
  }

  /** Whether to report the next event of that kind; if not, it is counted. To be called once for each event. */
  admits(what: EventKind): boolean {
    if (this.#reported[what] >= EVENTS_PER_SECOND_MAX) {
      this.#suppressed[what]++;
      return false;
    }
    this.#reported[what]++;
    return true;
  }

  report(event: PortmapEvent): void {
    this.#listener.onEvent(event);
  }

  /** Reports a bug of portreeve, at most one per second. */
  fault(thrown: unknown): void {
    if (this.#hasFault) return;
    this.#hasFault = true;
    this.#listener.onFault(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }

  /** To be called often, with monotonic milliseconds: every second it reports the counts and resets them. */
  tick(now: number): void {
    if (now < this.#secondEndsAt) return;
    this.#secondEndsAt = now + SECOND_MS;
    if (Object.values(this.#suppressed).some((count) => count > 0))
      this.#listener.onSuppressed(this.#suppressed);
    this.#reported = { ...NONE };
    this.#suppressed = { ...NONE };
    this.#hasFault = false;
  }
}
