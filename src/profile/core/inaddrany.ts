// The ports for bind(2) to port 0 and any address under common INET: a profile must reserve them for the kernel's job.
import { PORT_MAX, type Protocol } from '../../base/port.ts';
import type { Finding } from '../../text/source.ts';
import type { InaddrAnyRange } from '../text/bpxprm.ts';
import type { Profile, Reservation } from './rules.ts';

/** The kernel's usual job; BPXPRMxx can name another (STARTUP_PROC). */
export const KERNEL_JOB = 'OMVS';

/** The parts of a range that one finding names. */
const NAMED_MAX = 5;

/** Ports beside each other that have the same holder. */
interface Run {
  readonly first: number;
  readonly last: number;
  /** Undefined: not reserved. */
  readonly holder: Reservation | undefined;
}

/**
 * Whether all ports of the ranges are reserved for the kernel's job, by PORT or PORTRANGE, for TCP and for UDP; a
 * finding for each range and protocol that is not, with the statement to write. `job` is in capitals, and a pattern
 * that merely matches it does not count (PORTRANGE: "you must specify the name of the started JCL procedure for the
 * z/OS UNIX kernel address space").
 */
export function checkInaddrAny(
  ranges: readonly InaddrAnyRange[],
  { reservations }: Profile,
  job: string = KERNEL_JOB,
): Finding[] {
  if (ranges.length === 0) return [];
  const holders = { tcp: new Holders(reservations, 'tcp', job), udp: new Holders(reservations, 'udp', job) };
  return ranges.flatMap((range) =>
    (['tcp', 'udp'] as const).flatMap((protocol) => {
      const count = holders[protocol].missing(range);
      return count === 0 ? [] : [finding(range, protocol, job, count, holders[protocol].runs(range))];
    }),
  );
}

/** Who holds each port of a protocol. */
class Holders {
  readonly #reservations: readonly Reservation[];
  /** 0: no one; 1: the job; else the index of a reservation, and 2. */
  readonly #holder = new Uint32Array(PORT_MAX + 2);
  /** How many of the ports up to this one are not the job's. */
  readonly #missing = new Uint32Array(PORT_MAX + 1);
  /** The last port of the run in which a port is. */
  readonly #runEnd = new Uint32Array(PORT_MAX + 2);

  constructor(reservations: readonly Reservation[], protocol: Protocol, job: string) {
    this.#reservations = reservations;
    for (const [index, { use, first, last, ...reservation }] of reservations.entries()) {
      if (reservation.protocol !== protocol) continue;
      const isJob = use.kind === 'JOB' && use.pattern === job;
      for (let port: number = first; port <= last; port++) {
        if (isJob) this.#holder[port] = 1;
        else if (this.#holder[port] === 0) this.#holder[port] = index + 2;
      }
    }
    for (let port = 1; port <= PORT_MAX; port++) {
      this.#missing[port] = (this.#missing[port - 1] ?? 0) + (this.#holder[port] === 1 ? 0 : 1);
    }
    for (let port = PORT_MAX; port >= 1; port--) {
      const isLast = port === PORT_MAX || this.#holder[port] !== this.#holder[port + 1];
      this.#runEnd[port] = isLast ? port : (this.#runEnd[port + 1] ?? port);
    }
  }

  /** How many ports of a range are not the job's. */
  missing({ first, last }: InaddrAnyRange): number {
    return (this.#missing[last] ?? 0) - (this.#missing[first - 1] ?? 0);
  }

  /** The first parts of a range that are not the job's. */
  runs({ first, last }: InaddrAnyRange): Run[] {
    const runs: Run[] = [];
    for (let port: number = first; port <= last && runs.length < NAMED_MAX; ) {
      const end = Math.min(this.#runEnd[port] ?? last, last);
      const holder = this.#holder[port] ?? 0;
      if (holder !== 1) runs.push({ first: port, last: end, holder: this.#reservations[holder - 2] });
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
  runs: readonly Run[],
): Finding {
  const name = protocol.toUpperCase();
  const reported = runs.reduce((sum, run) => sum + run.last - run.first + 1, 0);
  const parts = runs.map(
    ({ first, last, holder }) => `${span(first, last)}${holder ? ` (${heldBy(holder)})` : ''}`,
  );
  const more = count > reported ? ` and ${count - reported} more ports` : '';
  const message =
    `the ${name} ports ${span(range.first, range.last)} are for bind() to port 0 and any address, ` +
    `and these are not reserved for ${job}: ${parts.join(', ')}${more}`;
  const { place } = range;
  return {
    severity: 'warning',
    code: 'INADDRANY_NOT_RESERVED',
    message,
    hint: hintFor(runs, name, job),
    place,
  };
}

function hintFor(runs: readonly Run[], name: string, job: string): string {
  const free = runs.filter(({ holder }) => holder === undefined);
  const entries = free.map(({ first, last }) => `${first} ${last - first + 1} ${name} ${job}`);
  const write = entries.length > 0 ? [`Write PORTRANGE ${entries.join(' ')}.`] : [];
  const move =
    free.length < runs.length
      ? [`Take the others out of their reservations, or choose another INADDRANYPORT.`]
      : [];
  return [...write, ...move].join(' ');
}

function span(first: number, last: number): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

function heldBy({ use, source }: Reservation): string {
  return `${use.kind === 'JOB' ? use.pattern : use.kind}, ${source.file} line ${source.line}`;
}
