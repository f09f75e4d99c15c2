// The reservations of one protocol by port, queried for conflicts while the statements of a profile are executed.
import { PORTS, type Port } from '../../base/port.ts';
import type { Use } from '../text/statements.ts';
import type { Reservation } from './rules.ts';

const BITS = 32;
const ALL_BITS = 0xffffffff;

/** A unique key for the jobs of a reservation: RESERVED and AUTHPORT are not valid job names. */
const keyOf = (use: Use): string => (use.kind === 'JOB' ? use.pattern : use.kind);

export class PortClaims {
  /** A bit for each port that is reserved. */
  readonly #bits = new Uint32Array(PORTS / BITS);
  /** The first entry of each port, of a range by its first port. */
  readonly #firsts = new Map<number, Reservation>();
  /** The other entries of a port by key, in order. */
  readonly #others = new Map<number, Map<string, Reservation>>();
  /** For each port of a range the first port of the range. */
  readonly #rangeStart = new Uint16Array(PORTS);

  /** The caller has checked that no port of a range is reserved. */
  add(reservation: Reservation): void {
    const { first, last, isRange, use } = reservation;
    if (this.#firsts.has(first)) {
      const others = this.#others.get(first);
      if (others) others.set(keyOf(use), reservation);
      else this.#others.set(first, new Map([[keyOf(use), reservation]]));
      return;
    }
    this.#firsts.set(first, reservation);
    this.#mark(first, last, true);
    if (isRange) this.#rangeStart.fill(first, first, last + 1);
  }

  remove(reservation: Reservation): void {
    const { first, last, isRange, use } = reservation;
    const others = this.#others.get(first);
    if (this.#firsts.get(first) !== reservation) {
      others?.delete(keyOf(use));
      return;
    }
    const next = others?.values().next().value;
    if (next) {
      others?.delete(keyOf(next.use));
      this.#firsts.set(first, next);
      return;
    }
    this.#firsts.delete(first);
    this.#mark(first, last, false);
    if (isRange) this.#rangeStart.fill(0, first, last + 1);
  }

  /** The first reservation of a port in statement order. */
  firstAt(port: Port): Reservation | undefined {
    return this.#firsts.get(this.#rangeStart[port] || port);
  }

  /** The reservation of a port for exactly this use. */
  find(port: Port, use: Use): Reservation | undefined {
    const first = this.firstAt(port);
    return first && keyOf(first.use) === keyOf(use) ? first : this.#others.get(port)?.get(keyOf(use));
  }

  /** The lowest reserved port from `first` to `last`. */
  firstWithin(first: Port, last: Port): Port | undefined {
    for (let port: number = first; port <= last; port++) {
      const word = this.#bits[port >>> 5] ?? 0;
      if (word === 0) port |= BITS - 1;
      else if ((word >>> (port & (BITS - 1))) & 1) return port as Port;
    }
    return undefined;
  }

  /** Sets or clears the bits of ports, 32 at a time. */
  #mark(first: number, last: number, isReserved: boolean): void {
    for (let word = first >>> 5; word <= last >>> 5; word++) {
      const from = Math.max(first - word * BITS, 0);
      const to = Math.min(last - word * BITS, BITS - 1);
      const mask = (ALL_BITS >>> (BITS - 1 - to)) & (ALL_BITS << from);
      const bits = this.#bits[word] ?? 0;
      this.#bits[word] = isReserved ? bits | mask : bits & ~mask;
    }
  }
}
