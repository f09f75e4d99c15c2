// Reading /proc with as few and as cheap calls as can be: a host can have very many processes and descriptors.
import koffi from 'koffi';
import { ERRNO, errno, sys } from './libc.ts';
import { NativeBuffer } from './memory.ts';

const libc = koffi.load(null);
type Ints = (...args: number[]) => number;
const open: Ints = libc.func('int open(uintptr_t path, int flags)');
const openat: Ints = libc.func('int openat(int dir, uintptr_t path, int flags)');
const readlinkat: Ints = libc.func('int readlinkat(int dir, uintptr_t path, uintptr_t buf, uint32_t len)');
const getdents64: Ints = libc.func('int getdents64(int fd, uintptr_t buf, uint32_t len)');

/** <bits/fcntl-linux.h> */
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
/** Beyond its last bits a process's clock is the complement of its number (linux/posix-timers.h: CPUCLOCK_SCHED). */
const CPUCLOCK_BITS = 3;
const CPUCLOCK_SCHED = 2;

/** struct linux_dirent64 (getdents(2)): where the inode, the length and the name of an entry are. */
const ENTRY_LENGTH_AT = 16;
const ENTRY_NAME_AT = 19;
const ENTRIES_BYTES = 32 * 1024;
/** The longest path that is asked for, and the longest name of what a descriptor is, are shorter. */
const PATH_BYTES = 64;
const LINK_BYTES = 64;
/** What is read of a file: proc_pid_stat(5) has less, and of a command line no more is told. */
const PROC_FILE_BYTES = 4096;

/** "socket:[4711]" (proc_pid_fd(5)): its first eight characters as two words, in the order of the machine. */
const SOCKET_PREFIX = 'socket:[';
const [SOCKET_1, SOCKET_2] = new Uint32Array(new TextEncoder().encode(SOCKET_PREFIX).buffer);
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;

const path = new NativeBuffer(PATH_BYTES);
const entries = new NativeBuffer(ENTRIES_BYTES);
const link = new NativeBuffer(LINK_BYTES);
const linkWords = new Uint32Array(link.u8.buffer);
const content = new NativeBuffer(PROC_FILE_BYTES);
const contentText = Buffer.from(content.u8.buffer);
const time = new NativeBuffer(16);

/** The processes, the lowest number first, as the kernel lists them. */
interface ProcessList {
  readonly pids: readonly number[];
  /** The inode of the directory of each, which no later one of its number has. */
  readonly directories: readonly number[];
}

export function listProcesses(): ProcessList {
  const pids: number[] = [];
  const directories: number[] = [];
  const fd = open(pathTo('/proc'), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return { pids, directories };
  eachEntry(fd, (at) => {
    pids.push(numberAt(entries.u8, at + ENTRY_NAME_AT));
    // An inode has 64 bits, of which the file systems of the kernel use 32 (fs/inode.c: get_next_ino).
    directories.push(entries.view.getUint32(at, true));
  });
  sys.close(fd);
  return { pids, directories };
}

/**
 * The processor time of all threads of a process, in nanoseconds (clock_getcpuclockid(3)); -1 where there is none of
 * that number. Whoever has not run in between has neither opened, closed, sent nor received anything.
 */
export function processorNs(pid: number): number {
  if (sys.clockGettime((~pid << CPUCLOCK_BITS) | CPUCLOCK_SCHED, time.address) < 0) return -1;
  const { view } = time;
  return (view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true)) * 1e9 + view.getUint32(8, true);
}

/** The beginning of a file in the directory of a process; undefined where there is none, or we may not. */
export function readOf(pid: number, name: string): string | undefined {
  return readAndClose(open(pathTo(`/proc/${pid}/${name}`), O_RDONLY | O_CLOEXEC));
}

/** The descriptors of a process, held open: what is read through it is of that process and no other, or fails. */
export class Descriptors {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Undefined where there is no such process any more, 'refused' where we may not look. The caller closes it. */
  static open(pid: number): Descriptors | 'refused' | undefined {
    const fd = open(pathTo(`/proc/${pid}/fd`), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return new Descriptors(fd);
    const number = errno();
    return number === ERRNO['EACCES'] || number === ERRNO['EPERM'] ? 'refused' : undefined;
  }

  /** The inodes of those that are sockets, one for each descriptor; 'refused' where we may not look behind them. */
  sockets(): number[] | 'refused' {
    const fd = this.#fd;
    const inodes: number[] = [];
    let isRefused = false;
    eachEntry(fd, (at) => {
      const length = readlinkat(fd, entries.address + at + ENTRY_NAME_AT, link.address, LINK_BYTES - 1);
      if (length < 0) isRefused ||= errno() === ERRNO['EACCES'];
      else if (linkWords[0] === SOCKET_1 && linkWords[1] === SOCKET_2) {
        inodes.push(numberAt(link.u8, SOCKET_PREFIX.length));
      }
    });
    return isRefused ? 'refused' : inodes;
  }

  /** The beginning of a file in the directory of the process, such as "stat". */
  read(name: string): string | undefined {
    return readAndClose(openat(this.#fd, pathTo(`../${name}`), O_RDONLY | O_CLOEXEC));
  }

  close(): void {
    sys.close(this.#fd);
  }
}

/** Visits the entries of a directory whose names are numbers, by where each is. */
function eachEntry(fd: number, visit: (at: number) => void): void {
  const { u8, view, address } = entries;
  for (;;) {
    const length = getdents64(fd, address, ENTRIES_BYTES);
    if (length <= 0) return;
    for (let at = 0; at < length; at += view.getUint16(at + ENTRY_LENGTH_AT, true)) {
      const first = u8[at + ENTRY_NAME_AT] ?? 0;
      if (first >= DIGIT_0 && first <= DIGIT_9) visit(at);
    }
  }
}

/** The number in digits at a place, up to what is no digit. */
function numberAt(u8: Uint8Array, start: number): number {
  let value = 0;
  for (let at = start; ; at++) {
    const digit = (u8[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
}

function readAndClose(fd: number): string | undefined {
  if (fd < 0) return undefined;
  const length = sys.read(fd, content.address, PROC_FILE_BYTES);
  sys.close(fd);
  return length < 0 ? undefined : contentText.toString('utf8', 0, length);
}

function pathTo(text: string): number {
  const { u8, address } = path;
  for (let i = 0; i < text.length; i++) u8[i] = text.charCodeAt(i);
  u8[text.length] = 0;
  return address;
}
