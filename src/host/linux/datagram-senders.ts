// Identifies the sender of a datagram: the current owner of its port, if no other socket can have had the port when the
// datagram was sent.
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

/** The owner of a port, and when it was determined (CLOCK_REALTIME, microseconds). */
interface Observation {
  readonly owner: DatagramOwner | undefined;
  readonly atUs: number;
}

/** The clock of the kernel's receive timestamps, in microseconds. */
function realtimeClock(): () => number {
  // struct timespec: seconds and nanoseconds, 64 bits each.
  const time = new NativeBuffer(16);
  return () => {
    sys.clockGettime(CLOCK_REALTIME, time.address);
    return microseconds(time.view, 0);
  };
}

/** Converts a struct timespec to microseconds, which a double represents exactly. */
export function microseconds(view: DataView, at: number): number {
  const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  return seconds * 1e6 + Math.floor(view.getUint32(at + 8, true) / 1000);
}

interface SenderParts {
  readonly table: Pick<DiagTable, 'datagramSender'>;
  readonly rootPorts: Pick<RootPorts, 'refusal'>;
  readonly nowUs?: () => number;
  readonly late?: LateSenders;
}

/** Identifies the senders for all sockets of a server. */
export class DatagramSenders {
  readonly #table: SenderParts['table'];
  readonly #rootPorts: SenderParts['rootPorts'];
  readonly #nowUs: () => number;
  readonly #late: LateSenders;
  /** Keyed by address and port. */
  readonly #observations = new Map<string, Observation>();
  /** When the batch was received, if needed. */
  #takenUs: number | undefined;
  #lateChecks = LATE_CHECKS_PER_BATCH_MAX;
  /** Changes that were not answered because they were late. */
  late = 0;

  constructor({ table, rootPorts, nowUs = realtimeClock(), late = new LateSenders() }: SenderParts) {
    this.#table = table;
    this.#rootPorts = rootPorts;
    this.#nowUs = nowUs;
    this.#late = late;
  }

  /** Starts a batch of datagrams. Earlier observations do not apply to it. */
  begin(): void {
    this.#observations.clear();
    this.#takenUs = undefined;
    this.#lateChecks = LATE_CHECKS_PER_BATCH_MAX;
  }

  /**
   * The sender of a datagram of the batch, which the kernel queued at `sentUs`. Undefined `sentUs`: the kernel did not
   * report the time.
   */
  senderOf(address: IpAddress, port: number, sentUs: number | undefined): Sender {
    if (!isLoopback(address)) return UNKNOWN;
    const key = address.family * PORTS + port;
    const observation = this.#observation(key, address, port, sentUs);
    const sender = observation ? this.#judge(observation, key, port, sentUs) : LATE;
    if (sender === LATE) this.late++;
    return sender;
  }

  /** Undefined if the datagram is late and the lookups for late ones are used up. */
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
    // The time is taken after the lookup: the owner was observed no later.
    const observation = { owner, atUs: this.#nowUs() };
    this.#observations.set(place, observation);
    return observation;
  }

  #judge({ owner, atUs }: Observation, key: number, port: number, sentUs: number | undefined): Sender {
    if (!owner) return UNKNOWN;
    if (!isFresh(sentUs, atUs) && !this.#wasThere(key, owner, sentUs, atUs)) {
      // From its first observation on, the socket is known for later datagrams.
      if (owner.isExclusive) this.#late.observe(key, owner, atUs);
      return LATE;
    }
    const refused = owner.uid === ROOT ? this.#rootPorts.refusal(port) : undefined;
    return refused ? { refused } : { uid: owner.uid };
  }

  #wasThere(key: number, owner: DatagramOwner, sentUs: number | undefined, atUs: number): boolean {
    return owner.isExclusive && sentUs !== undefined && this.#late.wasThere(key, owner, sentUs, atUs);
  }
}

/** A time in the future means that the clock was changed. */
function isFresh(sentUs: number | undefined, atUs: number): boolean {
  return sentUs !== undefined && sentUs <= atUs && atUs - sentUs <= SENDER_AGE_MAX_MS * 1000;
}
