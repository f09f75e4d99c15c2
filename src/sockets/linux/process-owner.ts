// A process as the owner of sockets: its number and start at once, what else /proc says of it when it is asked for.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import { parseDecimal } from '../../base/port.ts';
import { parseCgroupOf } from '../../host/linux/cgroup.ts';
import { readOf } from '../../host/linux/sys/proc.ts';

/** What Node and other runtimes call every process of theirs. */
const NO_NAME = 'MainThread';

/** proc_pid_stat(5): where fields are, counted from the state on, which follows the name. */
const PARENT_FIELD = 1;
const FLAGS_FIELD = 6;
const START_FIELD = 19;
/** <linux/sched.h>: PF_KTHREAD */
const KERNEL_THREAD = 0x200000;
const FLAGS_MAX = 0xffff_ffff;
/** Ticks of a hundredth of a second for a hundred million years: a number that is exact. */
const DIGITS_OF_TICKS_MAX = 15;

/** What proc_pid_stat(5) says. */
interface ProcessStat {
  /** Up to 15 characters. */
  readonly name: string;
  readonly parent: number;
  readonly startTicks: number;
  /** A thread of the kernel, or one that has ended and is not waited for: neither has descriptors. */
  readonly isBare: boolean;
}

/** Reads /proc/PID/stat; undefined for what is none. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name may have blanks and parentheses in it.
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const start = fields[START_FIELD] ?? '';
  if (end < 0 || !/^\d+$/.test(start) || start.length > DIGITS_OF_TICKS_MAX) return undefined;
  let startTicks = 0;
  for (const digit of start) startTicks = startTicks * 10 + digit.charCodeAt(0) - 48;
  const flags = parseDecimal(fields[FLAGS_FIELD] ?? '', FLAGS_MAX) ?? 0;
  return {
    name: nameIn(text),
    parent: parseDecimal(fields[PARENT_FIELD] ?? '', PID_MAX) ?? 0,
    startTicks,
    isBare: fields[0] === 'Z' || (flags & KERNEL_THREAD) !== 0,
  };
}

function nameIn(stat: string): string {
  return stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
}

/** Somebody who wants to see processes. */
export interface Viewer {
  readonly uid: number;
  readonly gid: number;
}

/** A process that was seen to have sockets open. */
export class ProcessOwner implements SocketOwner {
  readonly pid: number;
  /** What was read of it, which is taken apart when it is asked for: mostly only the name is. */
  readonly #text: string;
  #stat: ProcessStat | undefined;
  #name: string | undefined;
  #command: string | undefined;
  #uids: readonly number[] | undefined;

  /** `stat` is what /proc/PID/stat said. */
  constructor(pid: number, stat: string) {
    this.pid = pid;
    this.#text = stat;
  }

  get startTicks(): number {
    return this.#parsed?.startTicks ?? 0;
  }

  get parent(): number {
    return this.#parsed?.parent ?? 0;
  }

  get #parsed(): ProcessStat | undefined {
    this.#stat ??= parseStat(this.#text);
    return this.#stat;
  }

  /** Where the name says nothing, it is that of the program as it was called. */
  get name(): string {
    this.#name ??= this.#readName();
    return this.#name;
  }

  #readName(): string {
    const name = nameIn(this.#text);
    return name === NO_NAME ? basename(this.command.split(' ')[0] ?? '') || name : name;
  }

  get command(): string {
    this.#command ??= this.#read('cmdline')?.replace(/\0+$/, '').replaceAll('\0', ' ') ?? '';
    return this.#command;
  }

  get uid(): number {
    this.#uids ??= idsOf('Uid', this.#read('status') ?? '');
    return this.#uids[1] ?? UID_MAX;
  }

  /** It may be moved at any time, whatever it does itself. */
  get cgroup(): string | undefined {
    return parseCgroupOf(this.#read('cgroup') ?? '');
  }

  /** Whether /proc shows somebody its descriptors; false where it has ended. */
  isOpenTo(viewer: Viewer): boolean {
    return isOpenTo(this.pid, viewer) === true && this.#isThere();
  }

  /** What is read before the process is seen to be still the same is its own. */
  #read(name: string): string | undefined {
    const text = readOf(this.pid, name);
    return this.#isThere() ? text : undefined;
  }

  #isThere(): boolean {
    return parseStat(readOf(this.pid, 'stat') ?? '')?.startTicks === this.startTicks;
  }
}

/**
 * Whether /proc shows somebody the descriptors of whoever has that number, as long as the viewer has no capabilities
 * (ptrace(2), "Ptrace access mode checking"): of one who has the same ids all over, no capabilities either, and may be
 * dumped. Undefined for a thread of the kernel and for who has ended: they have none.
 */
export function isOpenTo(pid: number, { uid, gid }: Viewer): boolean | undefined {
  const status = readOf(pid, 'status') ?? '';
  if (!/^VmSize:/m.test(status)) return undefined;
  const isAll = (field: string, id: number) => {
    const ids = idsOf(field, status).slice(0, 3);
    return ids.length === 3 && ids.every((each) => each === id);
  };
  if (!isAll('Uid', uid) || !isAll('Gid', gid) || !/^CapPrm:\s*0+$/m.test(status)) return false;
  // What may not be dumped belongs to root in /proc, but for the directory of the process itself (proc_pid(5)).
  return statSync(`/proc/${pid}/fd`, { throwIfNoEntry: false })?.uid === uid;
}

function idsOf(field: string, status: string): number[] {
  const text = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return text.split(/\s+/).flatMap((digits) => parseDecimal(digits, UID_MAX) ?? []);
}
