// A process that owns sockets. Fields from /proc are read on first use.
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import { parseDecimal } from '../../base/port.ts';
import { parseCgroupOf } from '../../host/linux/cgroup.ts';
import { readOf } from '../../host/linux/sys/proc.ts';

/** The name that Node and other runtimes give to every process. */
const GENERIC_NAME = 'MainThread';

/** proc_pid_stat(5): field indexes, counted from the state, which follows the name. */
const PARENT_FIELD = 1;
const FLAGS_FIELD = 6;
const START_FIELD = 19;
/** <linux/sched.h>: PF_KTHREAD */
const KERNEL_THREAD = 0x200000;
const FLAGS_MAX = 0xffff_ffff;
/** Larger numbers would not be exact. */
const DIGITS_OF_TICKS_MAX = 15;

/** See proc_pid_stat(5). */
interface ProcessStat {
  /** Up to 15 characters. */
  readonly name: string;
  readonly parent: number;
  readonly startTicks: number;
  /** A kernel thread or a zombie, which have no descriptors. */
  readonly isBare: boolean;
}

/** Parses /proc/PID/stat; undefined if it is invalid. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name may contain spaces and parentheses.
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

/** The user that reads the processes. */
export interface Viewer {
  readonly uid: number;
  readonly gid: number;
}

export class ProcessOwner implements SocketOwner {
  readonly pid: number;
  /** /proc/PID/stat, parsed on demand: usually only the name is needed. */
  readonly #text: string;
  #stat: ProcessStat | undefined;
  #name: string | undefined;
  #command: string | undefined;
  #uids: readonly number[] | undefined;

  /** `stat` is the contents of /proc/PID/stat. */
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

  /** Where the name is generic, the name of the program. */
  get name(): string {
    this.#name ??= this.#readName();
    return this.#name;
  }

  #readName(): string {
    const name = nameIn(this.#text);
    return name === GENERIC_NAME ? basename(this.command.split(' ')[0] ?? '') || name : name;
  }

  get command(): string {
    this.#command ??= this.#read('cmdline')?.replace(/\0+$/, '').replaceAll('\0', ' ') ?? '';
    return this.#command;
  }

  get uid(): number {
    this.#uids ??= idsOf('Uid', this.#read('status') ?? '');
    return this.#uids[1] ?? UID_MAX;
  }

  /** Not cached: a process can be moved to another cgroup without running. */
  get cgroup(): string | undefined {
    return parseCgroupOf(this.#read('cgroup') ?? '');
  }

  /** Whether /proc shows its descriptors to the viewer; false if it has ended. */
  isOpenTo(viewer: Viewer): boolean {
    return isOpenTo(this.pid, viewer) === true && this.#isRunning();
  }

  /** Checks afterwards that the pid was not reused while it was read. */
  #read(name: string): string | undefined {
    const text = readOf(this.pid, name);
    return this.#isRunning() ? text : undefined;
  }

  #isRunning(): boolean {
    return parseStat(readOf(this.pid, 'stat') ?? '')?.startTicks === this.startTicks;
  }
}

/**
 * Whether /proc shows the descriptors of a process to a viewer without capabilities (ptrace(2), "Ptrace access mode
 * checking"): only if all ids are the viewer's, the process has no capabilities, and it is dumpable. Undefined for a
 * kernel thread and for a process that has ended.
 */
export function isOpenTo(pid: number, { uid, gid }: Viewer): boolean | undefined {
  const status = readOf(pid, 'status') ?? '';
  if (!/^VmSize:/m.test(status)) return undefined;
  const isAll = (field: string, id: number) => {
    const ids = idsOf(field, status).slice(0, 3);
    return ids.length === 3 && ids.every((each) => each === id);
  };
  if (!isAll('Uid', uid) || !isAll('Gid', gid) || !/^CapPrm:\s*0+$/m.test(status)) return false;
  // In /proc, the files of a process that is not dumpable belong to root (proc_pid(5)).
  return statSync(`/proc/${pid}/fd`, { throwIfNoEntry: false })?.uid === uid;
}

function idsOf(field: string, status: string): number[] {
  const text = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
  return text.split(/\s+/).flatMap((digits) => parseDecimal(digits, UID_MAX) ?? []);
}
