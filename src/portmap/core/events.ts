// What happens to the registrations, told one by one while it is little, and counted when it is much.
import { EVENTS_PER_SECOND_MAX } from '../../base/limits.ts';

/** What can happen to a registration. */
export type EventKind = 'set' | 'unset' | 'refused' | 'dropped';

/** A change that was made or refused, for the log. */
export interface PortmapEvent {
  readonly what: EventKind;
  /** Why it was refused or dropped; empty for what was done. */
  readonly reason: string;
  readonly program: number;
  readonly version: number;
  readonly netid: string;
  readonly address: string;
  /** Who asked: the uid, undefined where it is not known, and the address he asked from. */
  readonly uid: number | undefined;
  readonly from: string;
}

/** How many events of each kind were not told one by one. */
export type EventCounts = Readonly<Record<EventKind, number>>;

/** A change of the registrations in a sentence. */
export function eventText(event: PortmapEvent): string {
  const { what, program, version, netid, address, reason, uid, from } = event;
  const entry = `program ${program} version ${version} ${netid} ${address}`;
  if (what === 'dropped') return `portmap: ${entry} was dropped: ${reason}`;
  const who = uid === undefined ? `a caller at ${from}` : `uid ${uid} (${from})`;
  const verb = what === 'set' ? 'registered' : what === 'unset' ? 'removed' : 'was refused';
  return `portmap: ${who} ${verb} ${entry}${reason === '' ? '' : `: ${reason}`}`;
}

/** How many changes were not told one by one. */
export function moreText({ set, unset, refused, dropped }: EventCounts): string {
  return `besides, ${set} registered, ${unset} removed, ${refused} refused and ${dropped} dropped in a second`;
}

export interface EventListener {
  onEvent(event: PortmapEvent): void;
  onMore(counts: EventCounts): void;
  /** Something of ours is broken: a stack for whoever is to mend it. */
  onFault(stack: string): void;
}

const NONE: EventCounts = { set: 0, unset: 0, refused: 0, dropped: 0 };
const SECOND_MS = 1000;

/** Lets so many events of a kind through in a second: a flood of them must cost neither time nor a full disk. */
export class EventGate {
  readonly #listener: EventListener;
  #reported: Record<EventKind, number> = { ...NONE };
  #unknown: Record<EventKind, number> = { ...NONE };
  #secondEndsAt = 0;
  #hasFault = false;

  constructor(listener: EventListener) {
    this.#listener = listener;
  }

  /** Whether the next event of that kind is to be told; if not, it is counted. Ask once for each. */
  admits(what: EventKind): boolean {
    if (this.#reported[what] >= EVENTS_PER_SECOND_MAX) {
      this.#unknown[what]++;
      return false;
    }
    this.#reported[what]++;
    return true;
  }

  tell(event: PortmapEvent): void {
    this.#listener.onEvent(event);
  }

  /** Tells of a fault of ours, one a second. */
  fault(thrown: unknown): void {
    if (this.#hasFault) return;
    this.#hasFault = true;
    this.#listener.onFault(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
  }

  /** To be called often, with monotonic milliseconds: tells what was counted, and begins a new second. */
  tick(now: number): void {
    if (now < this.#secondEndsAt) return;
    this.#secondEndsAt = now + SECOND_MS;
    if (Object.values(this.#unknown).some((count) => count > 0)) this.#listener.onMore(this.#unknown);
    this.#reported = { ...NONE };
    this.#unknown = { ...NONE };
    this.#hasFault = false;
  }
}
