// Finds the statements of a profile that reserve a port.
import type { Protocol } from '../../base/port.ts';
import type { Reservations, ReservedFor } from '../../sockets/app/port-names.ts';
import type { ProfileArchive } from '../core/archive.ts';
import type { Profile, Reservation } from '../core/rules.ts';
import { profileInForce } from './in-force.ts';

const NONE: readonly ReservedFor[] = [];

/** The reservations of the profile in force. */
export function reservedPorts(archive: ProfileArchive): Reservations {
  return new ReservedPorts(profileInForce(archive).profile);
}

/** The reservations of a profile by port. */
class ReservedPorts implements Reservations {
  readonly #ports = new Map<string, ReservedFor[]>();
  readonly #ranges: readonly Reservation[];

  constructor({ reservations }: Pick<Profile, 'reservations'>) {
    this.#ranges = reservations.filter(({ isRange }) => isRange);
    for (const one of reservations) if (!one.isRange) this.#add(`${one.protocol} ${one.first}`, one);
  }

  #add(key: string, reservation: Reservation): void {
    const list = this.#ports.get(key);
    if (list) list.push(reservedFor(reservation));
    else this.#ports.set(key, [reservedFor(reservation)]);
  }

  /** In statement order. A port is either in a range or has PORT entries, never both. */
  at(protocol: Protocol, port: number): readonly ReservedFor[] {
    const entries = this.#ports.get(`${protocol} ${port}`);
    if (entries) return entries;
    const range = this.#ranges.find(
      (one) => one.protocol === protocol && one.first <= port && port <= one.last,
    );
    return range ? [reservedFor(range)] : NONE;
  }
}

function reservedFor({ use, source }: Reservation): ReservedFor {
  return { jobname: use.kind === 'JOB' ? use.pattern : use.kind, rule: source };
}
