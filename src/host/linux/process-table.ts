// Which sockets the processes of this host have open. What was seen of a process is kept until it has run again.
import { ProcessOwner, type ProcessStat, parseStat } from './process-owner.ts';
import { Descriptors, eachProcess, processorNs, readOf } from './sys/proc.ts';

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

const NO_HOLDERS: readonly KnownProcess[] = [];

export class ProcessTable {
  readonly #known = new Map<number, KnownProcess>();
  readonly #holders = new Map<number, readonly KnownProcess[]>();
  #look = 0;

  /**
   * Looks at all processes, the highest number first, until `isEnough` says so, which is asked after each whose
   * descriptors had to be read. Of whoever has one of the sockets that are wanted, it is found out who he is.
   */
  update(wanted: ReadonlySet<number>, isEnough: () => boolean = () => false): void {
    this.#look++;
    const listed: { readonly pid: number; readonly directory: number }[] = [];
    eachProcess((pid, directory) => listed.push({ pid, directory }));
    listed.sort((a, b) => b.pid - a.pid);
    for (const { pid, directory } of listed) {
      if (this.#isFresh(pid, directory, wanted)) continue;
      this.#read(pid, directory, wanted);
      if (isEnough()) return;
    }
    for (const known of this.#known.values()) if (known.look !== this.#look) this.#forget(known);
  }

  /** Looks at one more process, in the same look. */
  add(pid: number, wanted: ReadonlySet<number>): KnownProcess | undefined {
    const known = this.#known.get(pid);
    if (known?.look === this.#look) return known;
    this.#read(pid, 0, wanted);
    return this.#known.get(pid);
  }

  /** Those who had a socket open in the latest look. */
  holdersOf(inode: number): readonly KnownProcess[] {
    const holders = this.#holders.get(inode) ?? NO_HOLDERS;
    return holders.every(({ look }) => look === this.#look)
      ? holders
      : holders.filter(({ look }) => look === this.#look);
  }

  /** How many of the latest look did not let us see their descriptors. */
  get refused(): number {
    return this.processes().filter(({ isRefused }) => isRefused).length;
  }

  /** Those of the latest look. */
  processes(): KnownProcess[] {
    return [...this.#known.values()].filter(({ look }) => look === this.#look);
  }

  #isFresh(pid: number, directory: number, wanted: ReadonlySet<number>): boolean {
    const known = this.#known.get(pid);
    if (known?.directory !== directory || known.ns !== processorNs(pid)) return false;
    if (!known.owner && known.sockets.some((inode) => wanted.has(inode))) return false;
    known.look = this.#look;
    return true;
  }

  #read(pid: number, directory: number, wanted: ReadonlySet<number>): void {
    const before = this.#known.get(pid);
    if (before) this.#forget(before);
    // What it does while it is read shows in its time afterwards.
    const ns = processorNs(pid);
    const read = ns < 0 ? undefined : readSockets(pid, wanted);
    if (!read) return;
    const known: KnownProcess = { pid, directory, ns, ...read, look: this.#look };
    this.#known.set(pid, known);
    for (const inode of known.sockets) {
      const holders = this.#holders.get(inode);
      // A process may have it open more than once.
      if (!holders) this.#holders.set(inode, [known]);
      else if (holders.at(-1) !== known) this.#holders.set(inode, [...holders, known]);
    }
  }

  #forget(known: KnownProcess): void {
    this.#known.delete(known.pid);
    for (const inode of known.sockets) {
      const others = (this.#holders.get(inode) ?? NO_HOLDERS).filter((each) => each !== known);
      if (others.length > 0) this.#holders.set(inode, others);
      else this.#holders.delete(inode);
    }
  }
}

const REFUSED = { sockets: [], owner: undefined, isRefused: true } as const;
const BARE = { sockets: [], owner: undefined, isRefused: false } as const;

function readSockets(
  pid: number,
  wanted: ReadonlySet<number>,
): Pick<KnownProcess, 'sockets' | 'owner' | 'isRefused'> | undefined {
  const descriptors = Descriptors.open(pid);
  if (descriptors === undefined) return undefined;
  if (descriptors === 'refused') return statOf(readOf(pid, 'stat'))?.isBare ? BARE : REFUSED;
  try {
    const sockets = descriptors.sockets();
    if (sockets === 'refused') return statOf(descriptors.read('stat'))?.isBare ? BARE : REFUSED;
    if (!sockets.some((inode) => wanted.has(inode))) return { sockets, owner: undefined, isRefused: false };
    const stat = statOf(descriptors.read('stat'));
    return stat && { sockets, owner: new ProcessOwner(pid, stat), isRefused: false };
  } finally {
    descriptors.close();
  }
}

function statOf(text: string | undefined): ProcessStat | undefined {
  return text === undefined ? undefined : parseStat(text);
}
