// Tests of the seccomp filter: its encoding, and its verdict on every system call.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALLOWED, encodeFilter, type FilterInstruction, INSTRUCTION_BYTES, serverFilter } from './seccomp.ts';

const ALLOWED_CALLS = Object.keys(ALLOWED);
const ALLOW = 0x7fff0000;
const EPERM = 0x00050001;
const KILL = 0x80000000;
/** <linux/audit.h> */
const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
type Architecture = keyof typeof AUDIT;

function filterOf(architecture: Architecture): readonly FilterInstruction[] {
  const filter = serverFilter(architecture);
  assert.ok(filter);
  return filter;
}

/** Runs a filter as the kernel does, for a system call number and an architecture. */
function run(filter: readonly FilterInstruction[], number: number, audit: number): number {
  const data: Readonly<Record<number, number>> = { 0: number, 4: audit };
  let accumulator = 0;
  for (let at = 0; at < filter.length; at++) {
    const { code, jumpTrue, jumpFalse, k } = filter[at] ?? assert.fail();
    if (code === 0x20) accumulator = data[k] ?? assert.fail(`nothing to load at ${k}`);
    else if (code === 0x15) at += accumulator === k ? jumpTrue : jumpFalse;
    else if (code === 0x06) return k;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail('the filter ends without a verdict');
}

/** The numbers that a filter compares. */
function numbersOf(architecture: Architecture): Set<number> {
  const comparisons = filterOf(architecture).slice(4, -2);
  assert.ok(comparisons.every(({ code }) => code === 0x15));
  return new Set(comparisons.map(({ k }) => k));
}

// From <asm/unistd_64.h> and <asm-generic/unistd.h>.
const NUMBERS: Readonly<Record<Architecture, Readonly<Record<string, number>>>> = {
  x64: {
    read: 0,
    write: 1,
    close: 3,
    mmap: 9,
    futex: 202,
    recvmmsg: 299,
    sendmmsg: 307,
    accept4: 288,
    epoll_wait: 232,
  },
  arm64: {
    read: 63,
    write: 64,
    close: 57,
    mmap: 222,
    futex: 98,
    recvmmsg: 243,
    sendmmsg: 269,
    accept4: 242,
    epoll_pwait: 22,
  },
};
const REFUSED: Readonly<Record<Architecture, Readonly<Record<string, number>>>> = {
  x64: {
    open: 2,
    socket: 41,
    connect: 42,
    bind: 49,
    listen: 50,
    clone: 56,
    fork: 57,
    execve: 59,
    ptrace: 101,
    openat: 257,
    clone3: 435,
  },
  arm64: {
    openat: 56,
    socket: 198,
    bind: 200,
    listen: 201,
    connect: 203,
    clone: 220,
    execve: 221,
    ptrace: 117,
    clone3: 435,
  },
};

for (const architecture of ['x64', 'arm64'] as const) {
  describe(`the filter of ${architecture}`, () => {
    const filter = filterOf(architecture);
    const allowed = numbersOf(architecture);

    test('has the verdict of the list for every number', () => {
      for (let number = 0; number < 1024; number++) {
        const verdict = run(filter, number, AUDIT[architecture]);
        assert.equal(verdict, allowed.has(number) ? ALLOW : EPERM, `call ${number}`);
      }
      // The numbers of the x32 ABI, which shares the architecture with x86_64, have bit 30 set.
      for (const number of allowed)
        assert.equal(run(filter, number + 0x40000000, AUDIT[architecture]), EPERM);
    });

    test('allows what a server needs, and nothing that opens, names or starts anything', () => {
      for (const [name, number] of Object.entries(NUMBERS[architecture]))
        assert.ok(allowed.has(number), name);
      for (const [name, number] of Object.entries(REFUSED[architecture])) {
        assert.ok(!allowed.has(number), name);
        assert.ok(!ALLOWED_CALLS.includes(name), name);
      }
    });

    test('kills a process that calls through another ABI', () => {
      const others = [AUDIT[architecture === 'x64' ? 'arm64' : 'x64'], 0x40000003, 0];
      for (const audit of others)
        for (const number of allowed) assert.equal(run(filter, number, audit), KILL);
    });

    test('has no jump past its end, and no more instructions than the kernel accepts', () => {
      for (const [at, { jumpTrue, jumpFalse }] of filter.entries()) {
        for (const jump of [jumpTrue, jumpFalse]) {
          assert.ok(Number.isInteger(jump) && jump >= 0 && jump <= 255);
          assert.ok(at + jump < filter.length);
        }
      }
      // <linux/bpf_common.h>: BPF_MAXINSNS
      assert.ok(filter.length <= 4096);
    });
  });
}

test('has each call once, with a distinct number', () => {
  assert.equal(new Set(ALLOWED_CALLS).size, ALLOWED_CALLS.length);
  assert.equal(numbersOf('x64').size, ALLOWED_CALLS.length);
  // arm64 has neither epoll_wait nor poll.
  assert.equal(numbersOf('arm64').size, ALLOWED_CALLS.length - 2);
});

test('an unknown architecture has no filter', () => {
  for (const name of ['riscv64', 'ia32', '']) assert.equal(serverFilter(name), undefined, name);
});

// seccomp(2): struct sock_filter { __u16 code; __u8 jt; __u8 jf; __u32 k; }
test('the encoding is stable', () => {
  const filter = filterOf('x64');
  const hex = Buffer.from(encodeFilter(filter)).toString('hex');
  const count = ALLOWED_CALLS.length;
  const jump = (over: number) => over.toString(16).padStart(2, '0');
  const listing = hex.match(/.{16}/g) ?? [];
  assert.equal(hex.length, (count + 6) * INSTRUCTION_BYTES * 2);
  assert.deepEqual(listing.slice(0, 6), [
    '2000000004000000', // A = arch
    '150001003e0000c0', // x86_64? over the next
    '0600000000000080', // kill the process
    '2000000000000000', // A = nr
    `1500${jump(count)}0000000000`, // read
    `1500${jump(count - 1)}0001000000`, // write
  ]);
  assert.deepEqual(listing.slice(-3), [
    '1500010048000000', // fcntl
    '0600000001000500', // EPERM
    '060000000000ff7f', // allow
  ]);
});
