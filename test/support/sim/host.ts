// A simulated host: the interfaces of host.ts in memory, with a manual clock and a seed.
import type { IpAddress } from '../../../src/base/address.ts';
import type { Host } from '../../../src/host/host.ts';
import { SimClock } from './clock.ts';
import { SimFiles } from './files.ts';
import { SIM_RSS_BYTES, SimProcesses } from './processes.ts';
import { SimRandom } from './random.ts';
import { SimSockets } from './sockets.ts';

/** The properties of a host. Default: root on a host with both families and only loopback addresses. */
export interface SimHostOptions {
  /** The same seed gives the same host. */
  readonly seed?: number;
  readonly uid?: number;
  readonly addresses?: readonly IpAddress[];
  readonly families?: readonly (4 | 6)[];
  /** Directories writable by users other than root. */
  readonly writable?: readonly string[];
  /** Texts by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** The time in milliseconds since 1970. */
  readonly now?: number;
}

/** A host with access to its simulated parts. */
export interface SimHost extends Host {
  readonly clock: SimClock;
  readonly sockets: SimSockets;
  readonly processes: SimProcesses;
  readonly files: SimFiles;
}

export function simHost(options: SimHostOptions = {}): SimHost {
  const { uid = 0, addresses = [], families = [4, 6], writable = ['/tmp', `/run/user/${uid}`] } = options;
  const clock = new SimClock(options.now);
  const processes = new SimProcesses(clock, new SimRandom(options.seed ?? 1));
  const self = processes.add({ pid: 100, name: 'portreeve', uid, rssBytes: SIM_RSS_BYTES });
  return {
    uid,
    clock,
    processes,
    sockets: new SimSockets({ self, addresses, families, writable }),
    files: new SimFiles(options.files ?? {}, self.pid),
  };
}
