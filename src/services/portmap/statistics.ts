// What GETSTAT tells: how often each procedure was called and each address asked for, in bounded memory.
import { STATISTICS_ADDRESSES_MAX } from '../../base/limits.ts';
import { NETIDS } from '../../base/netid.ts';
import { type RpcbStat, STAT_PROCEDURES } from '../../wire/rpcbind.ts';

/** The count of one address: hits and misses. */
class AddressCount {
  readonly key: string;
  readonly program: number;
  readonly version: number;
  readonly netidIndex: number;
  success = 0;
  failure = 0;

  constructor(key: string, program: number, version: number, netidIndex: number) {
    this.key = key;
    this.program = program;
    this.version = version;
    this.netidIndex = netidIndex;
  }
}

/** The counters of one version of the protocol. */
class VersionStatistics {
  readonly calls = new Uint32Array(STAT_PROCEDURES);
  sets = 0;
  unsets = 0;
  readonly #addresses = new Map<string, AddressCount>();
  /** The address asked for last: requests for the same one follow one another. */
  #latest: AddressCount | undefined;

  lookup(program: number, version: number, netidIndex: number, found: boolean): void {
    const latest = this.#latest;
    const same =
      latest?.program === program && latest.version === version && latest.netidIndex === netidIndex;
    const count = same ? latest : this.#count(program, version, netidIndex);
    if (found) count.success++;
    else count.failure++;
  }

  #count(program: number, version: number, netidIndex: number): AddressCount {
    const key = `${program}.${version}.${netidIndex}`;
    let count = this.#addresses.get(key);
    if (!count) {
      if (this.#addresses.size >= STATISTICS_ADDRESSES_MAX) {
        const oldest = this.#addresses.keys().next();
        if (!oldest.done) this.#addresses.delete(oldest.value);
      }
      count = new AddressCount(key, program, version, netidIndex);
      this.#addresses.set(key, count);
    }
    this.#latest = count;
    return count;
  }

  /** The newest address first, as rpcinfo -m expects it. */
  snapshot(): RpcbStat {
    const addresses = [...this.#addresses.values()].reverse().map((count) => ({
      program: count.program,
      version: count.version,
      success: count.success,
      failure: count.failure,
      netid: NETIDS[count.netidIndex] ?? '',
    }));
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
