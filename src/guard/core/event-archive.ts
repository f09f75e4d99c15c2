// The archive of the guard's events, as the features that use it see it.
import type { GuardEvent, NewGuardEvent } from '../../base/guard-event.ts';
import type { AskedPorts, Protocol } from '../../base/port.ts';

/** Which events are asked for: those to which all applies that is said. */
export interface EventQuery {
  /** Only those with a larger number. */
  readonly after: number;
  /** The most that are wanted. */
  readonly limit: number;
  readonly sinceMs?: number | undefined;
  readonly uid?: number | undefined;
  readonly job?: string | undefined;
  readonly protocol?: Protocol | undefined;
  /** Of these ports; of none of them is an event without a port. */
  readonly ports?: readonly AskedPorts[] | undefined;
}

/** How many events the programs of a guard have counted as lost. */
export interface LostCount {
  /** Which guard: another one begins at 0. */
  readonly guard: string;
  readonly count: number;
}

/**
 * The archive of events, bounded by age and number. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all world).
 */
export interface EventArchive {
  /**
   * Adds events in their order, all or none, and notes how many were lost up to now. What is too old by `nowMs` goes;
   * if
   * there are too many, the oldest of the user who has most.
   */
  append(events: readonly NewGuardEvent[], nowMs: number, lost?: LostCount): void;
  /** The oldest of those that are asked for, in their order. */
  read(query: EventQuery): GuardEvent[];
  /** The number of the latest event that was ever added; 0 for none. */
  latest(): number;
  /** What was noted of a guard's lost events last; 0 for another guard. */
  lost(guard: string): number;
  close(): void;
}
