// The sockets of a simulated host, and their owners, which a test opens and closes.

import type { OpenSocket, SocketOwner } from '../../../src/base/open-socket.ts';
import type { FoundOwners, OpenSocketQuery, OpenSockets } from '../../../src/sockets/core/open-sockets.ts';
import { SimRandom } from './random.ts';

/** The range of inodes. */
const INODE_MIN = 1000;
const INODE_RANGE = 1_000_000;

/** The defaults of a socket: a TCP listener. */
const USUAL = {
  protocol: 'tcp',
  state: 'LISTEN',
  remote: undefined,
  v6Only: false,
  interfaceIndex: 0,
  uid: 0,
  cgroupId: undefined,
  expiresMs: undefined,
} as const;

/** A process that has a socket open. */
interface Holding {
  readonly inode: number;
  readonly owner: SocketOwner;
}

/** The same seed gives the same inodes. */
export class SimOpenSockets implements OpenSockets {
  readonly #random: SimRandom;
  readonly #sockets = new Map<number, OpenSocket>();
  /** Sockets without a process, which have no inode. */
  readonly #orphans: OpenSocket[] = [];
  #holdings: Holding[] = [];
  readonly #cgroups = new Map<bigint, string>();
  /** Users whose processes are not visible. */
  readonly closedUsers = new Set<number>();

  constructor(seed = 1) {
    this.#random = new SimRandom(seed);
  }

  /** Opens a socket with these owners. */
  open(
    socket: Pick<OpenSocket, 'local'> & Partial<OpenSocket>,
    ...owners: readonly SocketOwner[]
  ): OpenSocket {
    const opened = { ...USUAL, inode: this.#freeInode(), ...socket };
    if (opened.inode === 0) this.#orphans.push(opened);
    else this.#sockets.set(opened.inode, opened);
    for (const owner of owners) this.#holdings.push({ inode: opened.inode, owner });
    return opened;
  }

  /** Adds an owner. */
  pass({ inode }: OpenSocket, owner: SocketOwner): void {
    this.#holdings.push({ inode, owner });
  }

  /** Closes the socket in a process. The last close removes it. */
  close({ inode }: OpenSocket, { pid }: Pick<SocketOwner, 'pid'>): void {
    this.#holdings = this.#holdings.filter((each) => each.inode !== inode || each.owner.pid !== pid);
    if (!this.#holdings.some((each) => each.inode === inode)) this.#sockets.delete(inode);
  }

  addCgroup(id: bigint, path: string): void {
    this.#cgroups.set(id, path);
  }

  list({ protocol, states, port }: OpenSocketQuery = {}): OpenSocket[] {
    return [...this.#sockets.values(), ...this.#orphans].filter(
      (socket) =>
        (protocol === undefined || socket.protocol === protocol) &&
        (states === undefined || states.includes(socket.state)) &&
        (port === undefined || socket.local.port === port),
    );
  }

  owners(inodes: ReadonlySet<number>): FoundOwners {
    const seen = this.#holdings.filter(({ owner }) => !this.closedUsers.has(owner.uid));
    const owners = new Map<number, SocketOwner[]>();
    for (const { inode, owner } of seen.toSorted((a, b) => a.owner.startTicks - b.owner.startTicks)) {
      if (inodes.has(inode)) owners.set(inode, [...(owners.get(inode) ?? []), owner]);
    }
    const hidden = this.#holdings.filter((holding) => !seen.includes(holding));
    return { owners, hiddenProcesses: new Set(hidden.map(({ owner }) => owner.pid)).size };
  }

  cgroupPath(id: bigint): string | undefined {
    return this.#cgroups.get(id);
  }

  #freeInode(): number {
    for (;;) {
      const inode = INODE_MIN + this.#random.integer(INODE_RANGE);
      if (!this.#sockets.has(inode)) return inode;
    }
  }
}
