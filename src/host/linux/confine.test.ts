// Tests that a confined child process can no longer open anything.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { encodeFilter, serverFilter } from '../../bpf/seccomp.ts';

/** <linux/bpf_common.h> */
const BPF_RET_K = 0x06;

/** Confines a child process, which reports what it could do before and after. */
function inChild(filter: Uint8Array | undefined): {
  before: string[];
  missing: string[];
  after: string[];
  threads: string[];
} {
  const program = `
    const { confine, escapes, exitImmediately } = await import(${JSON.stringify(import.meta.resolve('./confine.ts'))});
    const { openSync, readdirSync, readSync, writeSync } = await import('node:fs');
    const before = escapes();
    const open = readdirSync('/proc/self/task').map((task) => openSync('/proc/self/task/' + task + '/status'));
    const { missing } = confine(${filter ? `new Uint8Array([${filter}])` : 'undefined'});
    const threads = open.map((fd) => {
      const text = Buffer.alloc(4096);
      readSync(fd, text);
      return text.toString().match(/^(NoNewPrivs|Seccomp):.*$/gm).join(' ').replaceAll('\\t', ' ');
    });
    writeSync(1, JSON.stringify({ before, missing, after: escapes(), threads }));
    exitImmediately();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  assert.ok(stdout.startsWith('{'), stderr);
  return JSON.parse(stdout);
}

test('a confined process can open no file and create no socket', () => {
  const filter = serverFilter(process.arch);
  assert.ok(filter);
  const { before, missing, after, threads } = inChild(encodeFilter(filter));
  assert.equal(before.length, 5);
  assert.deepEqual(missing, []);
  assert.deepEqual(after, []);
  assert.ok(threads.length > 1, 'Node has more than one thread');
  assert.deepEqual([...new Set(threads)], ['NoNewPrivs: 1 Seccomp: 2']);
});

test('an ineffective filter, and one that the kernel rejects, are reported', () => {
  const instruction = { jumpTrue: 0, jumpFalse: 0 };
  // <linux/seccomp.h>: SECCOMP_RET_ALLOW for every call.
  const open = inChild(encodeFilter([{ ...instruction, code: BPF_RET_K, k: 0x7fff0000 }]));
  assert.deepEqual([open.missing.length, open.missing], [5, open.before]);
  const broken = inChild(encodeFilter([{ ...instruction, code: 0xffff, k: 0 }]));
  assert.deepEqual([broken.missing, broken.after], [['seccomp: EINVAL'], broken.before]);
});

test('a missing filter for the architecture is reported', () => {
  const { missing, after } = inChild(undefined);
  assert.deepEqual(missing, [`seccomp: no filter for ${process.arch}`]);
  assert.equal(after.length, 5);
});
