// Finds the processes that have sockets open: all of them, or the first one and its relatives.
import { PID_MAX } from '../../base/limits.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import { parseDecimal } from '../../base/port.ts';
import { readOf } from '../../host/linux/sys/proc.ts';
import type { FoundOwners } from '../core/open-sockets.ts';
import { isOpenTo, type Viewer } from './process-owner.ts';
import { type KnownProcess, ProcessTable } from './process-table.ts';

/** Finds owners, and caches processes between calls. */
export class SocketOwners {
  readonly #table = new ProcessTable();

  /** All processes that have these sockets open; with `viewer`, only those that /proc would show to it. */
  find(inodes: ReadonlySet<number>, viewer?: Viewer): FoundOwners {
    this.#table.update(inodes);
    return this.#ownersOf(inodes, viewer?.uid === 0 ? undefined : viewer);
  }

  /**
   * Finds at least one owner of each socket, if it has any, and those of its parents and their children that have it
   * open too. Other processes that received the socket may be missing. The search starts with `likely`, followed by
   * all processes from newest to oldest.
   */
  findSome(inodes: ReadonlySet<number>, likely: readonly number[]): FoundOwners {
    const missing = new Set(inodes);
    const isLast = (known: KnownProcess | undefined) => {
      for (const inode of known?.sockets ?? []) missing.delete(inode);
      return missing.size === 0;
    };
    this.#table.search(inodes, likely, isLast);
    for (const inode of inodes) this.#addRelatives(inode, inodes);
    return this.#ownersOf(inodes, undefined);
  }

  /** Sockets are inherited: if the parent has one open, its other children may have it too. */
  #addRelatives(inode: number, wanted: ReadonlySet<number>): void {
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

  #ownersOf(inodes: ReadonlySet<number>, viewer: Viewer | undefined): FoundOwners {
    const hiddenPids = viewer && this.#hiddenFrom(viewer);
    const owners = new Map<number, SocketOwner[]>();
    let list: SocketOwner[] = [];
    const add = ({ owner, pid }: KnownProcess) => {
      if (owner && !(hiddenPids?.has(pid) || (viewer && !owner.isOpenTo(viewer)))) list.push(owner);
    };
    for (const inode of inodes) {
      this.#table.eachHolder(inode, add);
      if (list.length === 0) continue;
      owners.set(inode, list.length > 1 ? list.sort(byAge) : list);
      list = [];
    }
    return { owners, hiddenProcesses: hiddenPids?.size ?? this.#table.unreadable };
  }

  /** The processes whose descriptors the viewer may not read. */
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
