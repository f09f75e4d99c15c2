// Tests of other network namespaces: their cookies, and entering them.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { namedNamespace } from '../../../test/support/netns.ts';
import { needs, probe } from '../../../test/support/probe.ts';
import { until } from '../../../test/support/sandbox.ts';
import { namespaceCookie } from './namespace.ts';
import { linuxNamespaces } from './namespaces.ts';
import { linuxSysctls } from './sysctls.ts';

const HERE = '/proc/thread-self/ns/net';
const LIST = 'net.ipv4.ip_local_reserved_ports';

function isReady(t: TestContext): boolean {
  return needs(t, probe.root(), probe.netns(), probe.command('ip'));
}

test('each namespace has a cookie, and the thread returns to its own', (t) => {
  if (!isReady(t)) return;
  const here = readlinkSync(HERE);
  const cookies = [namedNamespace(t), namedNamespace(t)].map(({ path }) => linuxNamespaces.cookieAt(path));
  const all = [...cookies, linuxNamespaces.cookieAt('/proc/self/ns/net')];
  assert.equal(new Set(all).size, 3);
  assert.equal(all[2], namespaceCookie());
  assert.equal(readlinkSync(HERE), here);
});

test('an action applies inside the namespace, and the thread returns even if it throws', (t) => {
  if (!isReady(t)) return;
  const here = readlinkSync(HERE);
  const [web, mail] = [namedNamespace(t).path, namedNamespace(t).path];
  const list = (path: string) => linuxNamespaces.within(path, () => linuxSysctls.read(LIST));
  linuxNamespaces.within(web, () => linuxSysctls.write(LIST, '4711'));
  assert.deepEqual([list(web), list(mail)], ['4711', '']);
  assert.throws(
    () =>
      linuxNamespaces.within(web, () => {
        throw new Error('inside');
      }),
    { message: 'inside' },
  );
  assert.equal(readlinkSync(HERE), here);
  assert.equal(
    linuxNamespaces.within('/proc/4194304/ns/net', () => assert.fail("'there is no such process'")),
    undefined,
  );
});

test('a namespace that does not exist returns undefined', (t) => {
  if (!isReady(t)) return;
  const { path, remove } = namedNamespace(t);
  assert.equal(typeof linuxNamespaces.cookieAt(path), 'bigint');
  remove();
  for (const gone of [path, `${path}/none`, '/proc/4194304/ns/net', '/etc/passwd/a']) {
    assert.equal(linuxNamespaces.cookieAt(gone), undefined, gone);
  }
});

test('another file is rejected', (t) => {
  if (!isReady(t)) return;
  for (const path of ['/etc/passwd', '/', '/proc/self/ns/mnt']) {
    assert.throws(() => linuxNamespaces.cookieAt(path), { kind: 'refused', code: 'NOT_A_NAMESPACE' }, path);
  }
});

test('a name and a process refer to the same namespace', async (t) => {
  if (!isReady(t)) return;
  const { name, path } = namedNamespace(t);
  const cookie = linuxNamespaces.cookieAt(path);
  const found = () => linuxNamespaces.visible().namespaces.find((one) => one.cookie === cookie);
  assert.deepEqual(found(), { cookie, paths: [path], pid: undefined });
  const inside = spawn('ip', ['netns', 'exec', name, 'sleep', '60']);
  t.after(() => inside.kill('SIGKILL'));
  await until('the process to appear', () => found()?.pid === inside.pid);
  const alone = spawn('unshare', ['--net', 'sleep', '60']);
  t.after(() => alone.kill('SIGKILL'));
  const places = () => linuxNamespaces.visible().namespaces.filter(({ pid }) => pid === alone.pid);
  const [other] = await until('the other namespace to appear', () => places().length > 0 && places());
  assert.notEqual(other?.cookie, cookie);
  assert.deepEqual(other?.paths, []);
});

test('without CAP_SYS_ADMIN no namespace can be entered, and the list is incomplete', (t) => {
  if (!isReady(t) || !needs(t, probe.command('setpriv'))) return;
  const { path } = namedNamespace(t);
  const program = `
    const { linuxNamespaces } = await import(${JSON.stringify(`${import.meta.dirname}/namespaces.ts`)});
    console.log(linuxNamespaces.visible().isComplete);
    linuxNamespaces.cookieAt(${JSON.stringify(path)});
  `;
  const argv = ['--bounding-set=-sys_admin', process.execPath, '--input-type=module', '-e', program];
  const { stdout, stderr, status } = spawnSync('setpriv', argv, { encoding: 'utf8' });
  assert.deepEqual([stdout, status], ['false\n', 1]);
  assert.match(stderr, /cannot be entered: EPERM/);
  assert.match(stderr, /It requires CAP_SYS_ADMIN/);
});
