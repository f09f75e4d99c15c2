// Which sockets the processes of this host have open. What was seen of a process is kept until it has run again.

import { Descriptors, listProcesses, processorNs, readOf } from '../../host/linux/sys/proc.ts';
import { ProcessOwner, parseStat } from './process-owner.ts';

/** A process as it was when its descriptors were read. */
export interface KnownProcess {
  readonly pid: number;
  /** The inode of its directory, and its processor time before they were read: while both are the same, they are. */
  readonly directory: number;
  readonly ns: number;
  /** The inodes of its sockets. */
  readonly sockets: readonly number[];
  /** Undefined where nobody asked for one of its sockets yet. */
  readonly owner: ProcessOwner | undefined;
  /** Its descriptors cannot be read by us. */
  readonly isRefused: boolean;
  /** The look by which it was last found to be as it is told here. */
  look: number;
}

/** Mostly a socket has one holder, for whom no list is made. */
type Holders = KnownProcess | readonly KnownProcess[];

export class ProcessTable {
  readonly #known = new Map<number, KnownProcess>();
  readonly #holders = new Map<number, Holders>();
  #look = 0;
  #refused = 0;

  /** How many did not let us see their descriptors in the latest look. */
  get refused(): number {
    return this.#refused;
  }

  /** Looks at all processes. Of whoever has one of the sockets that are wanted, it is found out who he is. */
  update(wanted: ReadonlySet<number>): void {
    const { pids, directories } = this.#begin();
    // What ends and begins meanwhile is at the end of the list.
    for (let i = pids.length - 1; i >= 0; i--) this.#refresh(pids[i] ?? 0, directories[i] ?? 0, wanted);
    for (const known of this.#known.values()) if (known.look !== this.#look) this.#forget(known);
  }

  /** Looks at these processes, then at the others from the newest to the oldest, until one of them is the last. */
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

  /** Looks at one more process, in the same look. */
  add(pid: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const known = this.#known.get(pid);
    return known?.look === this.#look ? known : this.#read(pid, 0, wanted);
  }

  /** Visits those who had a socket open in the latest look. */
  eachHolder(inode: number, visit: (known: KnownProcess) => void): void {
    const holders = this.#holders.get(inode);
    if (holders === undefined) return;
    if (!isList(holders)) {
      if (holders.look === this.#look) visit(holders);
      return;
    }
    for (const known of holders) if (known.look === this.#look) visit(known);
  }

  /** The numbers of all that were looked at in the latest look. */
  pids(): number[] {
    return [...this.#known.values()].flatMap(({ look, pid }) => (look === this.#look ? pid : []));
  }

  #begin(): { readonly pids: readonly number[]; readonly directories: readonly number[] } {
    this.#look++;
    this.#refused = 0;
    return listProcesses();
  }

  #refresh(pid: number, directory: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const known = this.#known.get(pid);
    if (known === undefined || !isFresh(known, directory, wanted)) return this.#read(pid, directory, wanted);
    known.look = this.#look;
    if (known.isRefused) this.#refused++;
    return known;
  }

  #read(pid: number, directory: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const before = this.#known.get(pid);
    if (before) this.#forget(before);
    // What it does while it is read shows in its time afterwards.
    const ns = processorNs(pid);
    const known = ns < 0 ? undefined : readProcess({ pid, directory, ns, look: this.#look }, wanted);
    if (!known) return undefined;
    if (known.isRefused) this.#refused++;
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

/** A process when it was looked at. */
type Glimpse = Pick<KnownProcess, 'pid' | 'directory' | 'ns' | 'look'>;

const NONE: readonly number[] = [];

function readProcess(glimpse: Glimpse, wanted: ReadonlySet<number>): KnownProcess | undefined {
  const { pid, directory, ns, look } = glimpse;
  const descriptors = Descriptors.open(pid);
  if (descriptors === undefined) return undefined;
  if (descriptors === 'refused') return refused(glimpse, readOf(pid, 'stat'));
  try {
    const sockets = descriptors.sockets();
    if (sockets === 'refused') return refused(glimpse, descriptors.read('stat'));
    const stat = isAnyWanted(sockets, wanted) ? descriptors.read('stat') : undefined;
    const owner = stat === undefined ? undefined : new ProcessOwner(pid, stat);
    return { pid, directory, ns, sockets, owner, isRefused: false, look };
  } finally {
    descriptors.close();
  }
}

/** Threads of the kernel, and who has ended, have nothing to be seen. */
function refused({ pid, directory, ns, look }: Glimpse, stat: string | undefined): KnownProcess {
  const isBare = stat !== undefined && parseStat(stat)?.isBare === true;
  return { pid, directory, ns, sockets: NONE, owner: undefined, isRefused: !isBare, look };
}
