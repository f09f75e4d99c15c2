// Tests that a confined process can no longer open anything, in a child of this one, which could before.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { encodeFilter, serverFilter } from '../../bpf/seccomp.ts';

/** Confinement has no way back: it is tried in a process of its own, which says what it could do before and after. */
function inChild(filter: Uint8Array | undefined): { before: string[]; missing: string[]; after: string[] } {
  const program = `
    const { confine, escapes, endAtOnce } = await import(${JSON.stringify(import.meta.resolve('./confine.ts'))});
    const { writeSync } = await import('node:fs');
    const before = escapes();
    const { missing } = confine(${filter ? `new Uint8Array([${filter}])` : 'undefined'});
    writeSync(1, JSON.stringify({ before, missing, after: escapes() }));
    endAtOnce();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  assert.ok(stdout.startsWith('{'), stderr);
  return JSON.parse(stdout);
}

test('a confined process opens no file and makes no socket; before, it could', () => {
  const filter = serverFilter(process.arch);
  assert.ok(filter);
  const { before, missing, after } = inChild(encodeFilter(filter));
  assert.equal(before.length, 5);
  assert.deepEqual(missing, []);
  assert.deepEqual(after, []);
});

test('without a filter for the machine that is said, and nothing is pretended', () => {
  const { missing, after } = inChild(undefined);
  assert.deepEqual(missing, [`seccomp: no filter for ${process.arch}`]);
  assert.equal(after.length, 5);
});
