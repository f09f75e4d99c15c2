// Checks that a profile reserves the INADDRANYPORT ranges of BPXPRMxx, from which common INET assigns ports for
// bind(2) to port 0 and the wildcard address, for the job of the kernel.
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import type { Finding } from '../../text/source.ts';
import type { InaddrAnyRange } from '../text/bpxprm.ts';
import type { Profile, Reservation } from './rules.ts';

/** The default job of the kernel; STARTUP_PROC in BPXPRMxx sets another. */
export const KERNEL_JOB = 'OMVS';

/** How many parts of a range a finding lists. */
const NAMED_MAX = 5;

/** Consecutive ports with the same reservation. */
interface PortRun {
  readonly first: number;
  readonly last: number;
  /** Undefined: not reserved. */
  readonly reservation: Reservation | undefined;
}

/**
 * A finding for each range and protocol that PORT and PORTRANGE do not completely reserve for the job of the kernel,
 * with the statement to add. `job` is in upper case. A pattern that matches it does not count (PORTRANGE: "you must
 * specify the name of the started JCL procedure for the z/OS UNIX kernel address space").
 */
export function checkInaddrAny(
  ranges: readonly InaddrAnyRange[],
  { reservations }: Profile,
  job: string = KERNEL_JOB,
): Finding[] {
  if (ranges.length === 0) return [];
  const indexes = {
    tcp: new ReservationIndex(reservations, 'tcp', job),
    udp: new ReservationIndex(reservations, 'udp', job),
  };
  return ranges.flatMap((range) =>
    (['tcp', 'udp'] as const).flatMap((protocol) => {
      const count = indexes[protocol].missing(range);
      return count === 0 ? [] : [finding(range, protocol, job, count, indexes[protocol].runs(range))];
    }),
  );
}

/** The reservation of each port of a protocol. */
class ReservationIndex {
  readonly #reservations: readonly Reservation[];
  /** 0: not reserved; 1: reserved for the job; otherwise the index of a reservation plus 2. */
  readonly #owner = new Uint32Array(PORT_MAX + 2);
  /** How many of the ports up to this one are not reserved for the job. */
  readonly #missing = new Uint32Array(PORT_MAX + 1);
  /** The last port of the run that a port is in. */
  readonly #runEnd = new Uint32Array(PORT_MAX + 2);

  constructor(reservations: readonly Reservation[], protocol: Protocol, job: string) {
    this.#reservations = reservations;
    for (const [index, { use, first, last, ...reservation }] of reservations.entries()) {
      if (reservation.protocol !== protocol) continue;
      const isJob = use.kind === 'JOB' && use.pattern === job;
      for (let port: number = first; port <= last; port++) {
        if (isJob) this.#owner[port] = 1;
        else if (this.#owner[port] === 0) this.#owner[port] = index + 2;
      }
    }
    for (let port = 1; port <= PORT_MAX; port++) {
      this.#missing[port] = (this.#missing[port - 1] ?? 0) + (this.#owner[port] === 1 ? 0 : 1);
    }
    for (let port = PORT_MAX; port >= 1; port--) {
      const isLast = port === PORT_MAX || this.#owner[port] !== this.#owner[port + 1];
      this.#runEnd[port] = isLast ? port : (this.#runEnd[port + 1] ?? port);
    }
  }

  /** How many ports of a range are not reserved for the job. */
  missing({ first, last }: InaddrAnyRange): number {
    return (this.#missing[last] ?? 0) - (this.#missing[first - 1] ?? 0);
  }

  /** The first parts of a range that are not reserved for the job. */
  runs({ first, last }: InaddrAnyRange): PortRun[] {
    const runs: PortRun[] = [];
    for (let port: number = first; port <= last && runs.length < NAMED_MAX; ) {
      const end = Math.min(this.#runEnd[port] ?? last, last);
      const owner = this.#owner[port] ?? 0;
      if (owner !== 1) runs.push({ first: port, last: end, reservation: this.#reservations[owner - 2] });
      port = end + 1;
    }
    return runs;
  }
}

function finding(
  range: InaddrAnyRange,
  protocol: Protocol,
  job: string,
  count: number,
  runs: readonly PortRun[],
): Finding {
  const name = protocol.toUpperCase();
  const reported = runs.reduce((sum, run) => sum + run.last - run.first + 1, 0);
  const parts = runs.map(
    ({ first, last, reservation }) =>
      `${span(first, last)}${reservation ? ` (${reservationText(reservation)})` : ''}`,
  );
  const more = count > reported ? ` and ${count - reported} more ports` : '';
  const message =
    `${name} ports ${span(range.first, range.last)} are assigned for bind() to port 0 and the wildcard address, ` +
    `but these are not reserved for ${job}: ${parts.join(', ')}${more}`;
  const { place } = range;
  return {
    severity: 'warning',
    code: 'INADDRANY_NOT_RESERVED',
    message,
    hint: hintFor(runs, name, job),
    place,
  };
}

function hintFor(runs: readonly PortRun[], name: string, job: string): string {
  const unreserved = runs.filter(({ reservation }) => reservation === undefined);
  const entries = unreserved.map(({ first, last }) => `${first} ${last - first + 1} ${name} ${job}`);
  const write = entries.length > 0 ? [`Add PORTRANGE ${entries.join(' ')}.`] : [];
  const move =
    unreserved.length < runs.length
      ? [`Remove the others from their reservations, or choose another INADDRANYPORT.`]
      : [];
  return [...write, ...move].join(' ');
}

function span(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function reservationText({ use, source }: Reservation): string {
  return `${use.kind === 'JOB' ? use.pattern : use.kind}, ${source.file} line ${source.line}`;
}
