// The seccomp filter (seccomp(2)) of a process that serves inherited sockets. It allows only the system calls it needs.

/** <linux/audit.h>: AUDIT_ARCH_X86_64 and AUDIT_ARCH_AARCH64, and their columns in ALLOWED. */
const ARCHITECTURES: Readonly<Record<string, { readonly audit: number; readonly column: 0 | 1 }>> = {
  x64: { audit: 0xc000003e, column: 0 },
  arm64: { audit: 0xc00000b7, column: 1 },
};

/** The architecture does not have the call. */
const NONE = -1;

/**
 * The allowed system calls, with their numbers for x86_64 (<asm/unistd_64.h>) and arm64 (<asm-generic/unistd.h>): use
 * of open descriptors, memory, time, waking threads, and exit. They exclude every call that opens, creates or names a
 * file or socket, and every call that starts a thread or process.
 */
export const ALLOWED: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
  read: [0, 63],
  write: [1, 64],
  readv: [19, 65],
  writev: [20, 66],
  pread64: [17, 67],
  pwrite64: [18, 68],
  close: [3, 57],
  lseek: [8, 62],
  fstat: [5, 80],
  fsync: [74, 82],
  fdatasync: [75, 83],
  ftruncate: [77, 46],
  fallocate: [285, 47],
  mmap: [9, 222],
  munmap: [11, 215],
  mremap: [25, 216],
  mprotect: [10, 226],
  pkey_mprotect: [329, 288],
  madvise: [28, 233],
  brk: [12, 214],
  futex: [202, 98],
  futex_waitv: [449, 449],
  membarrier: [324, 283],
  rseq: [334, 293],
  set_robust_list: [273, 99],
  get_robust_list: [274, 100],
  sched_yield: [24, 124],
  sched_getaffinity: [204, 123],
  sched_getparam: [143, 121],
  sched_getscheduler: [145, 120],
  getpid: [39, 172],
  gettid: [186, 178],
  getuid: [102, 174],
  geteuid: [107, 175],
  getgid: [104, 176],
  getegid: [108, 177],
  uname: [63, 160],
  sysinfo: [99, 179],
  getrusage: [98, 165],
  clock_gettime: [228, 113],
  clock_getres: [229, 114],
  clock_nanosleep: [230, 115],
  nanosleep: [35, 101],
  gettimeofday: [96, 169],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  rt_sigreturn: [15, 139],
  sigaltstack: [131, 132],
  tgkill: [234, 131],
  restart_syscall: [219, 128],
  exit: [60, 93],
  exit_group: [231, 94],
  getrandom: [318, 278],
  epoll_wait: [232, NONE],
  epoll_pwait: [281, 22],
  epoll_ctl: [233, 21],
  poll: [7, NONE],
  ppoll: [271, 73],
  timerfd_settime: [286, 86],
  accept4: [288, 242],
  recvfrom: [45, 207],
  recvmsg: [47, 212],
  recvmmsg: [299, 243],
  sendto: [44, 206],
  sendmsg: [46, 211],
  sendmmsg: [307, 269],
  shutdown: [48, 210],
  setsockopt: [54, 208],
  getsockopt: [55, 209],
  getsockname: [51, 204],
  getpeername: [52, 205],
  fcntl: [72, 25],
};

/** <linux/bpf_common.h> and <linux/seccomp.h>: classic BPF. */
const BPF_LD_W_ABS = 0x20;
const BPF_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
const RET_ALLOW = 0x7fff0000;
const RET_ERRNO = 0x00050000;
const RET_KILL_PROCESS = 0x80000000;
const EPERM = 1;
/** struct seccomp_data: offsets of the system call number and the architecture. */
const DATA_NR = 0;
const DATA_ARCH = 4;

/** One instruction of classic BPF (struct sock_filter). */
export interface FilterInstruction {
  readonly code: number;
  readonly jumpTrue: number;
  readonly jumpFalse: number;
  readonly k: number;
}

/**
 * The filter for a process.arch, or undefined if the architecture is not supported.
 * A call through the ABI of another architecture kills the process. A call that is not allowed fails with EPERM.
 * The kernel caches the numbers that are always allowed, so the length of the list does not matter at run time.
 */
export function serverFilter(arch: string): readonly FilterInstruction[] | undefined {
  const architecture = ARCHITECTURES[arch];
  if (!architecture) return undefined;
  const numbers = Object.values(ALLOWED)
    .map((pair) => pair[architecture.column])
    .filter((number) => number !== NONE);
  const load = (k: number): FilterInstruction => ({ code: BPF_LD_W_ABS, jumpTrue: 0, jumpFalse: 0, k });
  const returnOf = (k: number): FilterInstruction => ({ code: BPF_RET_K, jumpTrue: 0, jumpFalse: 0, k });
  return [
    load(DATA_ARCH),
    { code: BPF_JEQ_K, jumpTrue: 1, jumpFalse: 0, k: architecture.audit },
    returnOf(RET_KILL_PROCESS),
    load(DATA_NR),
    // Each jump skips the remaining comparisons and the EPERM return.
    ...numbers.map((k, i) => ({ code: BPF_JEQ_K, jumpTrue: numbers.length - i, jumpFalse: 0, k })),
    returnOf(RET_ERRNO + EPERM),
    returnOf(RET_ALLOW),
  ];
}

/** sizeof(struct sock_filter) */
export const INSTRUCTION_BYTES = 8;

/** Encodes the filter in the byte order of x86_64 and arm64. */
export function encodeFilter(instructions: readonly FilterInstruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, jumpTrue, jumpFalse, k }] of instructions.entries()) {
    view.setUint16(i * INSTRUCTION_BYTES, code, true);
    view.setUint8(i * INSTRUCTION_BYTES + 2, jumpTrue);
    view.setUint8(i * INSTRUCTION_BYTES + 3, jumpFalse);
    view.setUint32(i * INSTRUCTION_BYTES + 4, k, true);
  }
  return bytes;
}
