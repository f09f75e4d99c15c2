// Who has sockets open: all that do or, where one is enough, the first that is found and its kin.
import { PID_MAX } from '../../base/limits.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import { parseDecimal } from '../../base/port.ts';
import { readOf } from '../../host/linux/sys/proc.ts';
import type { OwnersSeen } from '../core/open-sockets.ts';
import { isOpenTo, type Viewer } from './process-owner.ts';
import { type KnownProcess, ProcessTable } from './process-table.ts';

/** Finds owners, and remembers what it saw for the next time. */
export class SocketOwners {
  readonly #table = new ProcessTable();

  /** All who have these sockets open. A viewer is told what /proc would show him. */
  find(inodes: ReadonlySet<number>, viewer?: Viewer): OwnersSeen {
    this.#table.update(inodes);
    return this.#ownersOf(inodes, viewer?.uid === 0 ? undefined : viewer);
  }

  /**
   * Those who are found first, of each socket one at least if it has any, and of their parents, and their parents'
   * children, those who have it as well. Others to whom it was passed on may be left out. `likely` are looked at before
   * all others, which follow from the newest to the oldest.
   */
  findSome(inodes: ReadonlySet<number>, likely: readonly number[]): OwnersSeen {
    const missing = new Set(inodes);
    const isLast = (known: KnownProcess | undefined) => {
      for (const inode of known?.sockets ?? []) missing.delete(inode);
      return missing.size === 0;
    };
    this.#table.search(inodes, likely, isLast);
    for (const inode of inodes) this.#addKin(inode, inodes);
    return this.#ownersOf(inodes, undefined);
  }

  /** A socket is inherited: where the parent has it, so do its other children, perhaps. */
  #addKin(inode: number, wanted: ReadonlySet<number>): void {
    const seen = new Set<number>();
    const waiting: number[] = [];
    this.#table.eachHolder(inode, ({ pid }) => waiting.push(pid));
    for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
      if (pid === 0 || seen.has(pid)) continue;
      seen.add(pid);
      const known = this.#table.add(pid, wanted);
      if (known?.owner && known.sockets.includes(inode)) waiting.push(known.owner.parent, ...childrenOf(pid));
    }
  }

  #ownersOf(inodes: ReadonlySet<number>, viewer: Viewer | undefined): OwnersSeen {
    const hidden = viewer && this.#hiddenFrom(viewer);
    const owners = new Map<number, SocketOwner[]>();
    let list: SocketOwner[] = [];
    const add = ({ owner, pid }: KnownProcess) => {
      if (owner && !(hidden?.has(pid) || (viewer && !owner.isOpenTo(viewer)))) list.push(owner);
    };
    for (const inode of inodes) {
      this.#table.eachHolder(inode, add);
      if (list.length === 0) continue;
      owners.set(inode, list.length > 1 ? list.sort(byAge) : list);
      list = [];
    }
    return { owners, notSeen: hidden?.size ?? this.#table.refused };
  }

  /** The processes whose descriptors somebody may not see. */
  #hiddenFrom(viewer: Viewer): Set<number> {
    return new Set(this.#table.pids().filter((pid) => isOpenTo(pid, viewer) === false));
  }
}

function byAge(a: SocketOwner, b: SocketOwner): number {
  return a.startTicks - b.startTicks || a.pid - b.pid;
}

function childrenOf(pid: number): number[] {
  const text = readOf(pid, `task/${pid}/children`) ?? '';
  return text.split(' ').flatMap((digits) => parseDecimal(digits, PID_MAX) ?? []);
}
