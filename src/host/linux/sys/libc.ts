// The C library functions that portreeve calls directly, each declared once.
// Pointers are numbers (uintptr_t) into NativeBuffers, and sizes are 32 bits: this is the fastest way through koffi.
// Layouts are those of 64-bit little-endian Linux. sys/abi.test.ts compares them with a C compiler if there is one.
import koffi from 'koffi';

const libc = koffi.load(null);

type Ints = (...args: number[]) => number;

const declare = (prototype: string): Ints => libc.func(prototype);

/** Each returns -1 and sets errno on failure. See section 2 of the manual. */
export const sys = {
  socket: declare('int socket(int domain, int type, int protocol)'),
  bind: declare('int bind(int fd, uintptr_t addr, uint32_t len)'),
  listen: declare('int listen(int fd, int backlog)'),
  connect: declare('int connect(int fd, uintptr_t addr, uint32_t len)'),
  accept4: declare('int accept4(int fd, uintptr_t addr, uintptr_t len, int flags)'),
  recv: declare('int recv(int fd, uintptr_t buf, uint32_t len, int flags)'),
  send: declare('int send(int fd, uintptr_t buf, uint32_t len, int flags)'),
  recvmmsg: declare('int recvmmsg(int fd, uintptr_t msgs, uint32_t count, int flags, uintptr_t timeout)'),
  sendmmsg: declare('int sendmmsg(int fd, uintptr_t msgs, uint32_t count, int flags)'),
  setsockopt: declare('int setsockopt(int fd, int level, int name, uintptr_t value, uint32_t len)'),
  getsockopt: declare('int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t len)'),
  getsockname: declare('int getsockname(int fd, uintptr_t addr, uintptr_t len)'),
  getpeername: declare('int getpeername(int fd, uintptr_t addr, uintptr_t len)'),
  read: declare('int read(int fd, uintptr_t buf, uint32_t len)'),
  pread: declare('int64_t pread(int fd, uintptr_t buf, uint32_t len, int64_t offset)'),
  pwrite: declare('int64_t pwrite(int fd, uintptr_t buf, uint32_t len, int64_t offset)'),
  close: declare('int close(int fd)'),
  ioctl: declare('int ioctl(int fd, uint64_t request, uintptr_t argument)'),
  flock: declare('int flock(int fd, int operation)'),
  umask: declare('int umask(int mask)'),
  renameat2: declare('int renameat2(int fd, uintptr_t path, int other, uintptr_t otherPath, uint32_t flags)'),
  epollCreate: declare('int epoll_create1(int flags)'),
  epollControl: declare('int epoll_ctl(int epfd, int operation, int fd, uintptr_t event)'),
  epollWait: declare('int epoll_wait(int epfd, uintptr_t events, int count, int timeout)'),
  mmap: declare('int64_t mmap(uintptr_t addr, uint64_t len, int prot, int flags, int fd, int64_t offset)'),
  munmap: declare('int munmap(uintptr_t addr, uint64_t len)'),
  umount2: declare('int umount2(uintptr_t target, int flags)'),
  clockGettime: declare('int clock_gettime(int clock, uintptr_t time)'),
  mount: declare(
    'int mount(uintptr_t source, uintptr_t target, uintptr_t type, uint64_t flags, uintptr_t data)',
  ),
  getpagesize: declare('int getpagesize()'),
  timerfdCreate: declare('int timerfd_create(int clock, int flags)'),
  timerfdSettime: declare('int timerfd_settime(int fd, int flags, uintptr_t value, uintptr_t old)'),
  exitNow: declare('void _exit(int status)'),
  setns: declare('int setns(int fd, int nstype)'),
  prctl: declare('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)'),
  syscall: declare('int64_t syscall(int64_t number, uint64_t a, uint64_t b, uint64_t c)'),
  perfEventOpen: declare(
    'int64_t syscall(int64_t number, uintptr_t attributes, int64_t pid, int64_t cpu, int64_t group, uint64_t flags)',
  ),
} as const;

const poll = libc.func('int poll(uintptr_t fds, uint32_t count, int timeout)');

/** poll(2) on a thread of libuv, which it occupies until it returns. The promise never rejects. */
export function pollLater(fds: number, count: number, timeoutMs: number): Promise<number> {
  return new Promise((resolve) => {
    poll.async(fds, count, timeoutMs, (error: unknown, result: number) => resolve(error ? -1 : result));
  });
}

/** The errno of the last call. */
export const errno = (): number => koffi.errno();

/** errno(3). */
export const ERRNO: Readonly<Record<string, number>> = koffi.os.errno;

const NAMES = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));
// <linux/errno.h>: internal to the kernel, but returned by bpf(2).
NAMES.set(524, 'ENOTSUPP');

/** The name of an errno, such as EADDRINUSE. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `errno ${number}`;
}
