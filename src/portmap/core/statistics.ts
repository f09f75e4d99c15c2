// The statistics of GETSTAT: calls of each procedure and lookups of each address, in bounded memory.
import { STATISTICS_ADDRESSES_MAX } from '../../base/limits.ts';
import { NETIDS } from '../../base/netid.ts';
import { type AddressStat, type RpcbStat, STAT_PROCEDURES } from '../wire/rpcbind.ts';

/** Chains of the hash table: twice the number of addresses, so that most have at most one. */
const CHAINS = STATISTICS_ADDRESSES_MAX * 2;
const NONE = -1;

/**
 * The lookups of each address: a ring in which the newest address replaces the oldest, indexed by a hash table. This is
 * the hot path: a lookup allocates nothing.
 */
class AddressCounts {
  readonly #programs = new Uint32Array(STATISTICS_ADDRESSES_MAX);
  readonly #versions = new Uint32Array(STATISTICS_ADDRESSES_MAX);
  readonly #netids = new Uint8Array(STATISTICS_ADDRESSES_MAX);
  readonly #successes = new Uint32Array(STATISTICS_ADDRESSES_MAX);
  readonly #failures = new Uint32Array(STATISTICS_ADDRESSES_MAX);
  /** The first slot of each chain, the next slot of each slot, and the chain of each slot. */
  readonly #heads = new Int16Array(CHAINS).fill(NONE);
  readonly #nexts = new Int16Array(STATISTICS_ADDRESSES_MAX).fill(NONE);
  readonly #chainOf = new Int16Array(STATISTICS_ADDRESSES_MAX).fill(NONE);
  /** The number of addresses ever added: modulo the size, the next slot of the ring. */
  #added = 0;

  count(program: number, version: number, netidIndex: number, found: boolean): void {
    const slot = this.#slotOf(program, version, netidIndex);
    const counts = found ? this.#successes : this.#failures;
    counts[slot] = (counts[slot] ?? 0) + 1;
  }

  #slotOf(program: number, version: number, netidIndex: number): number {
    const chain = (Math.imul(program ^ Math.imul(version, 31) ^ netidIndex, 0x9e3779b1) >>> 16) % CHAINS;
    for (let slot = this.#heads[chain] ?? NONE; slot !== NONE; slot = this.#nexts[slot] ?? NONE) {
      const isSame = this.#programs[slot] === program && this.#versions[slot] === version;
      if (isSame && this.#netids[slot] === netidIndex) return slot;
    }
    return this.#add(program, version, netidIndex, chain);
  }

  #add(program: number, version: number, netidIndex: number, chain: number): number {
    const slot = this.#added++ % STATISTICS_ADDRESSES_MAX;
    this.#unlink(slot);
    this.#programs[slot] = program;
    this.#versions[slot] = version;
    this.#netids[slot] = netidIndex;
    this.#successes[slot] = 0;
    this.#failures[slot] = 0;
    this.#nexts[slot] = this.#heads[chain] ?? NONE;
    this.#heads[chain] = slot;
    this.#chainOf[slot] = chain;
    return slot;
  }

  #unlink(slot: number): void {
    const chain = this.#chainOf[slot] ?? NONE;
    if (chain === NONE) return;
    const next = this.#nexts[slot] ?? NONE;
    if (this.#heads[chain] === slot) {
      this.#heads[chain] = next;
      return;
    }
    let before = this.#heads[chain] ?? NONE;
    while (this.#nexts[before] !== slot) before = this.#nexts[before] ?? NONE;
    this.#nexts[before] = next;
  }

  /** Newest first. */
  list(): AddressStat[] {
    const size = Math.min(this.#added, STATISTICS_ADDRESSES_MAX);
    return Array.from({ length: size }, (_, age) => {
      const slot = (this.#added - 1 - age) % STATISTICS_ADDRESSES_MAX;
      return {
        program: this.#programs[slot] ?? 0,
        version: this.#versions[slot] ?? 0,
        success: this.#successes[slot] ?? 0,
        failure: this.#failures[slot] ?? 0,
        netid: NETIDS[this.#netids[slot] ?? 0] ?? '',
      };
    });
  }
}

/** The counters of one version of the protocol. */
class VersionStatistics {
  readonly calls = new Uint32Array(STAT_PROCEDURES);
  sets = 0;
  unsets = 0;
  readonly #addresses = new AddressCounts();

  lookup(program: number, version: number, netidIndex: number, found: boolean): void {
    this.#addresses.count(program, version, netidIndex, found);
  }

  /** Newest address first, as rpcinfo -m expects. */
  snapshot(): RpcbStat {
    const addresses = this.#addresses.list();
    return { calls: [...this.calls], sets: this.sets, unsets: this.unsets, addresses, remoteCalls: [] };
  }
}

/** The statistics of versions 2, 3 and 4 (RFC 1833 section 2.1: rpcb_stat_byvers). */
export class Statistics {
  readonly #versions = [new VersionStatistics(), new VersionStatistics(), new VersionStatistics()] as const;

  of(version: 2 | 3 | 4): VersionStatistics {
    return this.#versions[version === 2 ? 0 : version === 3 ? 1 : 2];
  }

  snapshot(): RpcbStat[] {
    return this.#versions.map((version) => version.snapshot());
  }
}
