// Who has sockets open: all that do or, where one is enough, the first that is found and its kin.
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { OwnersSeen, SocketOwner } from '../host.ts';
import { isOpenTo, type Viewer } from './process-owner.ts';
import { type KnownProcess, ProcessTable } from './process-table.ts';
import { readOf } from './sys/proc.ts';

/** Finds owners, and remembers what it saw for the next time. */
export class SocketOwners {
  readonly #table = new ProcessTable();

  /** All who have these sockets open. A viewer is told what /proc would show him. */
  find(inodes: ReadonlySet<number>, viewer?: Viewer): OwnersSeen {
    this.#table.update(inodes);
    return this.#told(inodes, viewer?.uid === 0 ? undefined : viewer);
  }

  /**
   * Those who are found first, of each socket one at least if it has any, and of their parents, and their parents'
   * children, those who have it as well. Others to whom it was passed on may be left out.
   */
  findSome(inodes: ReadonlySet<number>): OwnersSeen {
    const missing = new Set(inodes);
    this.#table.search(inodes, (pids, look) => {
      for (const index of likelyOrder(pids.length, [...inodes], look)) {
        for (const inode of look(index)?.sockets ?? []) missing.delete(inode);
        if (missing.size === 0) return;
      }
    });
    for (const inode of inodes) this.#addKin(inode, inodes);
    return this.#told(inodes, undefined);
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

  #told(inodes: ReadonlySet<number>, viewer: Viewer | undefined): OwnersSeen {
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

/**
 * In which order to look at processes for the holders of sockets: nearest first to where one is to be expected. Sockets
 * are numbered as they are made, and most are made by a program that has just started; so the search is narrowed by
 * looking in the middle, as in a dictionary, as long as there is something to go by.
 */
function* likelyOrder(
  count: number,
  inodes: readonly number[],
  look: (index: number) => KnownProcess | undefined,
): Generator<number> {
  const wanted = inodes[0] ?? 0;
  let low = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const newest = Math.max(...(look(middle)?.sockets ?? []), 0);
    // Whoever has no socket tells nothing; the newer half is the likelier one.
    if (newest === 0 || newest < wanted) low = middle;
    else high = middle;
  }
  yield low;
  for (let distance = 1; distance < count; distance++) {
    if (low + distance < count) yield low + distance;
    if (low - distance >= 0) yield low - distance;
  }
}

function byAge(a: SocketOwner, b: SocketOwner): number {
  return a.startTicks - b.startTicks || a.pid - b.pid;
}

function childrenOf(pid: number): number[] {
  const text = readOf(pid, `task/${pid}/children`) ?? '';
  return text.split(' ').flatMap((digits) => parseDecimal(digits, PID_MAX) ?? []);
}
