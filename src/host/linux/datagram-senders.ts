// Who sent a datagram: whoever has its port now, where nobody else can have had it when the datagram was sent.
import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import { LATE_CHECKS_PER_BATCH_MAX, SENDER_AGE_MAX_MS } from '../../base/limits.ts';
import type { Sender } from '../../base/peer.ts';
import { PORTS } from '../../base/port.ts';
import { LateSenders } from './late-senders.ts';
import type { RootPorts } from './root-ports.ts';
import type { DatagramOwner, DiagTable } from './socket-table.ts';
import { CLOCK_REALTIME } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

const ROOT = 0;
const UNKNOWN: Sender = { refused: 'UNKNOWN' };
const LATE: Sender = { refused: 'LATE' };

/** What was on a port, and when that was known (CLOCK_REALTIME, microseconds). */
interface Observation {
  readonly owner: DatagramOwner | undefined;
  readonly atUs: number;
}

/** The clock by which the kernel tells when a datagram came, in microseconds. */
function realtimeClock(): () => number {
  // struct timespec: seconds and nanoseconds of 64 bits.
  const time = new NativeBuffer(16);
  return () => {
    sys.clockGettime(CLOCK_REALTIME, time.address);
    return microseconds(time.view, 0);
  };
}

/** A struct timespec in microseconds, which a double holds exactly. */
export function microseconds(view: DataView, at: number): number {
  const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  return seconds * 1e6 + Math.floor(view.getUint32(at + 8, true) / 1000);
}

/** What it takes to tell. */
interface SenderParts {
  readonly table: Pick<DiagTable, 'datagramSender'>;
  readonly rootPorts: Pick<RootPorts, 'refusal'>;
  readonly nowUs?: () => number;
  readonly late?: LateSenders;
}

/** The senders of datagrams, for all sockets of a server. */
export class DatagramSenders {
  readonly #table: SenderParts['table'];
  readonly #rootPorts: SenderParts['rootPorts'];
  readonly #nowUs: () => number;
  readonly #late: LateSenders;
  /** By address and port. */
  readonly #observations = new Map<string, Observation>();
  /** When the batch had been taken, if that was asked for. */
  #takenUs: number | undefined;
  #lateChecks = LATE_CHECKS_PER_BATCH_MAX;
  /** Changes that were not answered because they had waited too long. */
  late = 0;

  constructor({ table, rootPorts, nowUs = realtimeClock(), late = new LateSenders() }: SenderParts) {
    this.#table = table;
    this.#rootPorts = rootPorts;
    this.#nowUs = nowUs;
    this.#late = late;
  }

  /** A batch of datagrams was taken: what was seen before does not count for them. */
  begin(): void {
    this.#observations.clear();
    this.#takenUs = undefined;
    this.#lateChecks = LATE_CHECKS_PER_BATCH_MAX;
  }

  /**
   * Who sent a datagram of the batch, which the kernel put into the queue at `sentUs`; undefined: it does not tell when
   * that was.
   */
  senderOf(address: IpAddress, port: number, sentUs: number | undefined): Sender {
    if (!isLoopback(address)) return UNKNOWN;
    const key = address.family * PORTS + port;
    const observation = this.#observation(key, address, port, sentUs);
    const sender = observation ? this.#judge(observation, key, port, sentUs) : LATE;
    if (sender === LATE) this.late++;
    return sender;
  }

  /** Undefined if it is too late in any case, and others like it have been looked for already. */
  #observation(
    key: number,
    address: IpAddress,
    port: number,
    sentUs: number | undefined,
  ): Observation | undefined {
    const place = `${formatIp(address)} ${port}`;
    const known = this.#observations.get(place);
    if (known) return known;
    this.#takenUs ??= this.#nowUs();
    const isLate = !isFresh(sentUs, this.#takenUs) && !this.#late.knows(key);
    if (isLate && --this.#lateChecks < 0) return undefined;
    const owner = this.#table.datagramSender(address, port);
    // The time is taken afterwards: what was seen was there no later than that.
    const observation = { owner, atUs: this.#nowUs() };
    this.#observations.set(place, observation);
    return observation;
  }

  #judge({ owner, atUs }: Observation, key: number, port: number, sentUs: number | undefined): Sender {
    if (!owner) return UNKNOWN;
    if (!isFresh(sentUs, atUs) && !this.#wasThere(key, owner, sentUs, atUs)) {
      // The first sighting of a socket counts also for what it sends from then on.
      if (owner.isExclusive) this.#late.see(key, owner, atUs);
      return LATE;
    }
    const refused = owner.uid === ROOT ? this.#rootPorts.refusal(port) : undefined;
    return refused ? { refused } : { uid: owner.uid };
  }

  #wasThere(key: number, owner: DatagramOwner, sentUs: number | undefined, atUs: number): boolean {
    return owner.isExclusive && sentUs !== undefined && this.#late.wasThere(key, owner, sentUs, atUs);
  }
}

/** A time that lies ahead was not taken by the clock that we have now. */
function isFresh(sentUs: number | undefined, atUs: number): boolean {
  return sentUs !== undefined && sentUs <= atUs && atUs - sentUs <= SENDER_AGE_MAX_MS * 1000;
}
