// Confines a process: no new privileges, a seccomp filter, and a test from inside that both are effective.
import { closeSync, openSync } from 'node:fs';
import {
  AF_INET,
  AF_UNIX,
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_SET_MODE_FILTER,
  SOCK_DGRAM,
  SOCK_STREAM,
} from './sys/constants.ts';
import { errno, errnoName, sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** <asm/unistd.h>: the system call number of seccomp(2). */
const SECCOMP_CALL: Readonly<Record<string, number>> = { x64: 317, arm64: 277 };
const INSTRUCTION_BYTES = 8;

/** The result. An empty `missing` means complete confinement. */
interface Confinement {
  readonly missing: readonly string[];
}

/**
 * Installs the filter (struct sock_filter instructions) on every thread of this process, irrevocably. Failures are
 * returned, not thrown: the caller decides whether to continue.
 */
export function confine(filter: Uint8Array | undefined): Confinement {
  const missing: string[] = [];
  if (sys.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) missing.push(`no_new_privs: ${errnoName(errno())}`);
  const number = SECCOMP_CALL[process.arch];
  if (!filter || number === undefined)
    return { missing: [...missing, `seccomp: no filter for ${process.arch}`] };
  const program = new NativeBuffer(filter.length);
  program.u8.set(filter);
  // struct sock_fprog: the number of instructions, and a pointer to them.
  const head = new NativeBuffer(16);
  head.view.setUint16(0, filter.length / INSTRUCTION_BYTES, true);
  head.setPointer(8, program.address);
  const result = sys.syscall(number, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, head.address);
  if (result !== 0) return { missing: [...missing, `seccomp: ${errnoName(errno())}`] };
  return { missing: [...missing, ...escapes()] };
}

/**
 * Exits with status 0 through _exit(2). Node's own exit uses system calls that a confined process must not make, and
 * there is nothing to clean up.
 */
export function exitImmediately(): void {
  sys.exitNow(0);
}

/** Tries what must be impossible, and lists what was possible. */
export function escapes(): string[] {
  const found: string[] = [];
  for (const path of ['/etc/passwd', '/proc/self/status', '/dev/null']) {
    try {
      closeSync(openSync(path, 'r'));
      found.push(`can open ${path}`);
    } catch {
      // Refused, as expected.
    }
  }
  for (const [name, family, type] of [
    ['Unix', AF_UNIX, SOCK_STREAM],
    ['UDP', AF_INET, SOCK_DGRAM],
  ] as const) {
    const fd = sys.socket(family, type, 0);
    if (fd < 0) continue;
    sys.close(fd);
    found.push(`can create a ${name} socket`);
  }
  return found;
}
