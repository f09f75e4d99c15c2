// An archive of guard events in memory.
import type { GuardEvent, NewGuardEvent } from '../../../src/base/guard-event.ts';
import { GUARD_EVENT_AGE_MAX_MS, GUARD_EVENTS_MAX } from '../../../src/base/limits.ts';
import { isInRange } from '../../../src/base/port.ts';
import type { EventArchive, EventQuery, LostCount } from '../../../src/guard/core/event-archive.ts';

export class SimEventArchive implements EventArchive {
  readonly #max: number;
  #events: GuardEvent[] = [];
  #latest = 0;
  #lost: LostCount | undefined;

  constructor(max = GUARD_EVENTS_MAX) {
    this.#max = max;
  }

  append(events: readonly NewGuardEvent[], nowMs: number, lost?: LostCount): void {
    for (const event of events) this.#events.push(structuredClone({ ...event, number: ++this.#latest }));
    this.#events = this.#events.filter(({ timeMs }) => timeMs >= nowMs - GUARD_EVENT_AGE_MAX_MS);
    while (this.#events.length > this.#max) this.#dropOne();
    if (lost) this.#lost = lost;
  }

  /** Drops the oldest event of the user with the most. */
  #dropOne(): void {
    const [most] = [...Map.groupBy(this.#events, ({ uid }) => uid).values()].toSorted(
      (a, b) => b.length - a.length,
    );
    this.#events = this.#events.filter((event) => event !== most?.[0]);
  }

  read({ after, limit, sinceMs = 0, ports, ...wanted }: EventQuery): GuardEvent[] {
    const isOfPorts = ({ port, protocol }: GuardEvent): boolean =>
      ports === undefined ||
      (port !== undefined &&
        protocol !== undefined &&
        ports.some((range) => isInRange(port, protocol, range)));
    const isWanted = (event: GuardEvent): boolean =>
      isOfPorts(event) &&
      (['uid', 'job', 'protocol'] as const).every(
        (key) => wanted[key] === undefined || wanted[key] === event[key],
      );
    return this.#events
      .filter((event) => event.number > after && event.timeMs >= sinceMs && isWanted(event))
      .slice(0, limit);
  }

  latest(): number {
    return this.#latest;
  }

  lost(guard: string): number {
    return this.#lost?.guard === guard ? this.#lost.count : 0;
  }

  close(): void {}
}
