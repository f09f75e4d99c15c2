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
export const PROC_FILE_BYTES = 4096;

/** "socket:[4711]" (proc_pid_fd(5)) */
const SOCKET = new TextEncoder().encode('socket:[');
const DIGIT_0 = 0x30;

const path = new NativeBuffer(PATH_BYTES);
const entries = new NativeBuffer(ENTRIES_BYTES);
const link = new NativeBuffer(LINK_BYTES);
const content = new NativeBuffer(PROC_FILE_BYTES);
const time = new NativeBuffer(16);
const decoder = new TextDecoder();

/** Tells of each process: its number, and the inode of its directory, which no later one of that number has. */
export function eachProcess(visit: (pid: number, directory: number) => void): void {
  const fd = open(pathTo('/proc'), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  eachEntry(fd, (pid, at) => {
    // An inode has 64 bits, of which the file systems of the kernel use 32 (fs/inode.c: get_next_ino).
    visit(pid, entries.view.getUint32(at, true));
    return true;
  });
  sys.close(fd);
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
    const inodes: number[] = [];
    let isRefused = false;
    eachEntry(this.#fd, (_descriptor, at) => {
      const length = readlinkat(this.#fd, entries.address + at + ENTRY_NAME_AT, link.address, LINK_BYTES - 1);
      if (length > SOCKET.length && isSocket(link.u8)) inodes.push(numberAt(link.u8, SOCKET.length));
      else if (length < 0 && errno() === ERRNO['EACCES']) isRefused = true;
      return !isRefused;
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

/** Visits the entries of a directory whose names are numbers, with where each is, while that gives true. */
function eachEntry(fd: number, visit: (number: number, at: number) => boolean): void {
  const { u8, view, address } = entries;
  for (;;) {
    const length = getdents64(fd, address, ENTRIES_BYTES);
    for (let at = 0; at < length; at += view.getUint16(at + ENTRY_LENGTH_AT, true)) {
      const number = numberAt(u8, at + ENTRY_NAME_AT);
      if (number >= 0 && !visit(number, at)) return;
    }
    if (length <= 0) return;
  }
}

function isSocket(u8: Uint8Array): boolean {
  for (let i = 0; i < SOCKET.length; i++) if (u8[i] !== SOCKET[i]) return false;
  return true;
}

/** The number in digits at a place, up to what is no digit; -1 where there is none. */
function numberAt(u8: Uint8Array, start: number): number {
  let value = -1;
  for (let at = start; at < u8.length; at++) {
    const digit = (u8[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) break;
    value = value < 0 ? digit : value * 10 + digit;
  }
  return value;
}

function readAndClose(fd: number): string | undefined {
  if (fd < 0) return undefined;
  const length = sys.read(fd, content.address, PROC_FILE_BYTES);
  sys.close(fd);
  return length < 0 ? undefined : decoder.decode(content.u8.subarray(0, length));
}

function pathTo(text: string): number {
  const { u8, address } = path;
  for (let i = 0; i < text.length; i++) u8[i] = text.charCodeAt(i);
  u8[text.length] = 0;
  return address;
}
