// The sockets that each process has open. An entry is cached until the process has run again.

import { Descriptors, listProcesses, processorNs, readOf } from '../../host/linux/sys/proc.ts';
import { ProcessOwner, parseStat } from './process-owner.ts';

/** A process as it was when its descriptors were read. */
export interface KnownProcess {
  readonly pid: number;
  /** The inode of /proc/PID and the CPU time when it was read. The entry is valid while both are unchanged. */
  readonly directory: number;
  readonly ns: number;
  /** Inodes. */
  readonly sockets: readonly number[];
  /** Undefined until one of its sockets is wanted. */
  readonly owner: ProcessOwner | undefined;
  /** Whether its descriptors could not be read. */
  readonly isUnreadable: boolean;
  /** The scan that last confirmed this entry. */
  scan: number;
}

/** No array for the usual case of one holder. */
type Holders = KnownProcess | readonly KnownProcess[];

export class ProcessTable {
  readonly #known = new Map<number, KnownProcess>();
  readonly #holders = new Map<number, Holders>();
  #scan = 0;
  #unreadable = 0;

  /** The number of processes whose descriptors could not be read in the latest scan. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Scans all processes. Sets `owner` of those that have a wanted socket. */
  update(wanted: ReadonlySet<number>): void {
    const { pids, directories } = this.#begin();
    // From the end of the list, because processes that start or end during the scan are there.
    for (let i = pids.length - 1; i >= 0; i--) this.#refresh(pids[i] ?? 0, directories[i] ?? 0, wanted);
    for (const known of this.#known.values()) if (known.scan !== this.#scan) this.#forget(known);
  }

  /** Scans the processes in `first`, then the others from newest to oldest, until `isLast` returns true. */
  search(
    wanted: ReadonlySet<number>,
    first: readonly number[],
    isLast: (known: KnownProcess | undefined) => boolean,
  ): void {
    const { pids, directories } = this.#begin();
    for (const pid of first) if (isLast(this.add(pid, wanted))) return;
    for (let i = pids.length - 1; i >= 0; i--) {
      if (isLast(this.#refresh(pids[i] ?? 0, directories[i] ?? 0, wanted))) return;
    }
  }

  /** Adds one more process to the current scan. */
  add(pid: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const known = this.#known.get(pid);
    return known?.scan === this.#scan ? known : this.#read(pid, 0, wanted);
  }

  /** Visits the processes that had a socket open in the latest scan. */
  eachHolder(inode: number, visit: (known: KnownProcess) => void): void {
    const holders = this.#holders.get(inode);
    if (holders === undefined) return;
    if (!isList(holders)) {
      if (holders.scan === this.#scan) visit(holders);
      return;
    }
    for (const known of holders) if (known.scan === this.#scan) visit(known);
  }

  /** All processes of the latest scan. */
  pids(): number[] {
    return [...this.#known.values()].flatMap(({ scan, pid }) => (scan === this.#scan ? pid : []));
  }

  #begin(): { readonly pids: readonly number[]; readonly directories: readonly number[] } {
    this.#scan++;
    this.#unreadable = 0;
    return listProcesses();
  }

  #refresh(pid: number, directory: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const known = this.#known.get(pid);
    if (known === undefined || !isFresh(known, directory, wanted)) return this.#read(pid, directory, wanted);
    known.scan = this.#scan;
    if (known.isUnreadable) this.#unreadable++;
    return known;
  }

  #read(pid: number, directory: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const before = this.#known.get(pid);
    if (before) this.#forget(before);
    // Before reading, so that a process that runs while it is read is read again in the next scan.
    const ns = processorNs(pid);
    const known = ns < 0 ? undefined : readProcess({ pid, directory, ns, scan: this.#scan }, wanted);
    if (!known) return undefined;
    if (known.isUnreadable) this.#unreadable++;
    this.#known.set(pid, known);
    for (const inode of known.sockets) this.#addHolder(inode, known);
    return known;
  }

  #addHolder(inode: number, known: KnownProcess): void {
    const holders = this.#holders.get(inode);
    if (holders === undefined) this.#holders.set(inode, known);
    else if (isList(holders)) {
      // A process may have it open more than once.
      if (holders.at(-1) !== known) this.#holders.set(inode, [...holders, known]);
    } else if (holders !== known) this.#holders.set(inode, [holders, known]);
  }

  #forget(known: KnownProcess): void {
    this.#known.delete(known.pid);
    for (const inode of known.sockets) {
      const holders = this.#holders.get(inode);
      if (holders === known) this.#holders.delete(inode);
      if (holders === undefined || !isList(holders)) continue;
      const [first, ...others] = holders.filter((each) => each !== known);
      if (first) this.#holders.set(inode, others.length > 0 ? [first, ...others] : first);
      else this.#holders.delete(inode);
    }
  }
}

function isList(holders: Holders): holders is readonly KnownProcess[] {
  return Array.isArray(holders);
}

function isFresh(known: KnownProcess, directory: number, wanted: ReadonlySet<number>): boolean {
  if (known.directory !== directory || known.ns !== processorNs(known.pid)) return false;
  return known.owner !== undefined || !isAnyWanted(known.sockets, wanted);
}

function isAnyWanted(sockets: readonly number[], wanted: ReadonlySet<number>): boolean {
  for (const inode of sockets) if (wanted.has(inode)) return true;
  return false;
}

type ScannedProcess = Pick<KnownProcess, 'pid' | 'directory' | 'ns' | 'scan'>;

const NONE: readonly number[] = [];

function readProcess(scanned: ScannedProcess, wanted: ReadonlySet<number>): KnownProcess | undefined {
  const { pid, directory, ns, scan } = scanned;
  const descriptors = Descriptors.open(pid);
  if (descriptors === undefined) return undefined;
  if (descriptors === 'refused') return unreadable(scanned, readOf(pid, 'stat'));
  try {
    const sockets = descriptors.sockets();
    if (sockets === 'refused') return unreadable(scanned, descriptors.read('stat'));
    const stat = isAnyWanted(sockets, wanted) ? descriptors.read('stat') : undefined;
    const owner = stat === undefined ? undefined : new ProcessOwner(pid, stat);
    return { pid, directory, ns, sockets, owner, isUnreadable: false, scan };
  } finally {
    descriptors.close();
  }
}

/** Kernel threads and zombies have no descriptors, and are not counted. */
function unreadable({ pid, directory, ns, scan }: ScannedProcess, stat: string | undefined): KnownProcess {
  const isBare = stat !== undefined && parseStat(stat)?.isBare === true;
  return { pid, directory, ns, sockets: NONE, owner: undefined, isUnreadable: !isBare, scan };
}
