// The interface of the archive of the guard's events.
import type { GuardEvent, NewGuardEvent } from '../../base/guard-event.ts';
import type { Protocol, RequestedPorts } from '../../base/port.ts';

/** Selects events. An event must match all fields that are present. */
export interface EventQuery {
  /** Only events with a larger number. */
  readonly after: number;
  /** At most this many. */
  readonly limit: number;
  readonly sinceMs?: number | undefined;
  readonly uid?: number | undefined;
  readonly job?: string | undefined;
  readonly protocol?: Protocol | undefined;
  /** Only events for these ports. An event without a port matches none. */
  readonly ports?: readonly RequestedPorts[] | undefined;
}

/** How many events the programs of a guard have counted as lost. */
export interface LostCount {
  /** Identifies the guard: each guard's count starts at 0. */
  readonly guard: string;
  readonly count: number;
}

/**
 * The archive of events, bounded by age and number. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all environment).
 */
export interface EventArchive {
  /**
   * Adds events in order, all or none, and stores how many have been lost. Deletes events that are too old at `nowMs`
   * and, if there are too many, the oldest of the user who has most.
   */
  append(events: readonly NewGuardEvent[], nowMs: number, lost?: LostCount): void;
  /** The oldest matching events, in order. */
  read(query: EventQuery): GuardEvent[];
  /** The number of the latest event that was ever added; 0 if there was none. */
  latest(): number;
  /** The stored number of a guard's lost events; 0 for another guard. */
  lost(guard: string): number;
  close(): void;
}
