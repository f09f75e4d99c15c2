// Tests of processes held open: they are inspected while they exist, and never confused with others.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ownCgroup } from '../../../test/support/own-cgroup.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { parseCgroupOf } from './cgroup.ts';
import { holdProcess } from './held-process.ts';

const OWN_CGROUP = parseCgroupOf(readFileSync('/proc/self/cgroup', 'utf8'));

test('this process can be inspected', () => {
  const held = holdProcess(process.pid) ?? assert.fail();
  const uid = process.getuid?.() ?? 0;
  assert.deepEqual(held.inspect(), {
    parent: process.ppid,
    uids: [uid, uid, uid, uid],
    cgroup: OWN_CGROUP,
  });
  held.close();
  assert.equal(holdProcess(4_194_304), undefined);
});

test('all uids of a process that changed some of them are reported', async (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'))) return;
  // No shell: it would drop the other uids.
  const child = spawn('setpriv', ['--ruid=1000', 'cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  child.stdin.write('a line');
  await once(child.stdout, 'data');
  const held = holdProcess(child.pid ?? 0) ?? assert.fail();
  const { parent, uids } = held.inspect() ?? {};
  assert.deepEqual([parent, uids], [process.pid, [1000, 0, 0, 0]]);
  held.close();
  child.stdin.end();
  await once(child, 'close');
});

test('a process that was waited for is gone', async () => {
  const child = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
  const held = holdProcess(child.pid ?? 0) ?? assert.fail();
  assert.equal(held.inspect()?.parent, process.pid);
  child.stdin.end();
  await once(child, 'close');
  assert.equal(held.inspect(), undefined);
  held.close();
});

test('a cgroup outside our cgroup namespace is not reported', (t) => {
  if (!needs(t, probe.root(), probe.cgroup2(), probe.command('unshare'))) return;
  const directory = ownCgroup(t);
  const script = `const { holdProcess } = await import('${new URL('./held-process.ts', import.meta.url)}');
    process.stdout.write(\`\${holdProcess(${process.pid})?.inspect()?.cgroup}\`);`;
  const reported = (...before: string[]) => {
    const node = [process.execPath, '--input-type=module', '--eval', script];
    const argv = ['-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', directory, ...before, ...node];
    return spawnSync('sh', argv, { encoding: 'utf8' }).stdout;
  };
  assert.equal(reported(), OWN_CGROUP);
  assert.equal(reported('unshare', '--cgroup'), 'undefined');
});
