// Reads /proc with few and cheap system calls: a host can have very many processes and descriptors.
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
/** A process's clock ID is the complement of its pid, shifted by these bits (linux/posix-timers.h: CPUCLOCK_SCHED). */
const CPUCLOCK_BITS = 3;
const CPUCLOCK_SCHED = 2;

/** struct linux_dirent64 (getdents(2)): offsets of the length and the name of an entry. */
const ENTRY_LENGTH_AT = 16;
const ENTRY_NAME_AT = 19;
const ENTRIES_BYTES = 32 * 1024;
/** Longer than any path, and than any link target of a descriptor that matters, that is used here. */
const PATH_BYTES = 64;
const LINK_BYTES = 64;
/** The maximum size of a read: longer than proc_pid_stat(5), and command lines are truncated to it. */
const PROC_FILE_BYTES = 4096;

/** "socket:[4711]" (proc_pid_fd(5)): its first eight characters as two words in host byte order. */
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

/** The processes in ascending order of pid, as the kernel lists them. */
interface ProcessList {
  readonly pids: readonly number[];
  /** The inode of the directory of each process. It is not reused with the pid. */
  readonly directories: readonly number[];
}

export function listProcesses(): ProcessList {
  const pids: number[] = [];
  const directories: number[] = [];
  const fd = open(pathTo('/proc'), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return { pids, directories };
  eachEntry(fd, (at) => {
    pids.push(numberAt(entries.u8, at + ENTRY_NAME_AT));
    // Inodes have 64 bits, of which the kernel's own file systems use 32 (fs/inode.c: get_next_ino).
    directories.push(entries.view.getUint32(at, true));
  });
  sys.close(fd);
  return { pids, directories };
}

/**
 * The CPU time of all threads of a process in nanoseconds (clock_getcpuclockid(3)), or -1 if there is no such process.
 * A process whose CPU time has not changed has not opened, closed, sent or received anything.
 */
export function processorNs(pid: number): number {
  if (sys.clockGettime((~pid << CPUCLOCK_BITS) | CPUCLOCK_SCHED, time.address) < 0) return -1;
  const { view } = time;
  return (view.getUint32(4, true) * 0x1_0000_0000 + view.getUint32(0, true)) * 1e9 + view.getUint32(8, true);
}

/** The beginning of a file in a process's directory. Undefined if it does not exist, or without permission. */
export function readOf(pid: number, name: string): string | undefined {
  return readAndClose(open(pathTo(`/proc/${pid}/${name}`), O_RDONLY | O_CLOEXEC));
}

/** The descriptor directory of a process, held open: reads through it refer to the same process or fail. */
export class Descriptors {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Undefined if the process does not exist any more, 'refused' without permission. The caller must close it. */
  static open(pid: number): Descriptors | 'refused' | undefined {
    const fd = open(pathTo(`/proc/${pid}/fd`), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return new Descriptors(fd);
    const number = errno();
    return number === ERRNO['EACCES'] || number === ERRNO['EPERM'] ? 'refused' : undefined;
  }

  /** The inode of each descriptor that is a socket. 'refused' without permission to read them. */
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

  /** The beginning of a file in the process's directory, such as "stat". */
  read(name: string): string | undefined {
    return readAndClose(openat(this.#fd, pathTo(`../${name}`), O_RDONLY | O_CLOEXEC));
  }

  close(): void {
    sys.close(this.#fd);
  }
}

/** Visits the entries with numeric names, by offset. */
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

/** Parses the decimal digits at an offset. */
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
