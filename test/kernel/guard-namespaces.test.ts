// The network namespaces of the guard, on the kernel: added by command, by settings, and when they are created.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { linuxNamespaces } from '../../src/host/linux/namespaces.ts';
import { type GuardDaemon, guardDaemon, makeNamespace } from '../support/guard-daemon.ts';
import { ALICE } from '../support/job-fixture.ts';
import { until } from '../support/sandbox.ts';

const PORT = 4000;
const PROFILE = `PORT ${PORT} TCP ALICE\n`;
const [REFUSED, FREE] = ['EACCES ok', 'ok ok'];

/** The result of binding the port there, for root, which may not have it, and for the user who may. */
async function resultIn({ bind }: GuardDaemon, path?: string): Promise<string> {
  const there = path === undefined ? [] : ['nsenter', `--net=${path}`];
  const asAlice = path === undefined ? [] : [...there, 'setpriv', `--reuid=${ALICE}`, '--clear-groups'];
  const alice = path === undefined ? bind(PORT, ALICE) : bind(PORT, 0, ...asAlice);
  return `${await bind(PORT, 0, ...there)} ${await alice}`;
}

const at = (name: string): string => `/run/netns/${name}`;

test('namespaces are added, removed and listed', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  const { guard } = setup;
  for (const name of ['web', 'mail']) await makeNamespace(setup, name);
  assert.deepEqual([await resultIn(setup), await resultIn(setup, at('web'))], [REFUSED, FREE]);

  assert.equal((await guard('namespaces', 'add', 'web')).stdout, 'the guard now covers web\n');
  assert.equal((await guard('namespaces', 'add', 'web')).stdout, 'the guard already covered web\n');
  assert.deepEqual([await resultIn(setup, at('web')), await resultIn(setup, at('mail'))], [REFUSED, FREE]);
  const { stdout: table } = await guard('namespaces');
  assert.match(table, /^ *COOKIE {2}ADDED BY {12}NAMESPACE\n *\d+ {2}guard started here {2}\S.*\n/);
  assert.match(table, /\n *\d+ {2}guard namespaces {4}web\n/);
  const rows = JSON.parse((await guard('namespaces', '--json')).stdout);
  const web = rows.find(({ paths }: { paths: string[] }) => paths.includes(at('web')));
  assert.deepEqual([rows[0].by, web.by, web.isGone], ['home', 'command', false]);
  assert.match(web.cookie, /^\d+$/);

  assert.equal((await guard('namespaces', 'remove', `cookie:${web.cookie}`)).code, 0);
  assert.equal(await resultIn(setup, at('web')), FREE);
  const again = await guard('namespaces', 'remove', 'web');
  assert.deepEqual([again.code, again.stderr], [1, 'portreeve: the guard did not cover web\n']);
  assert.equal(await resultIn(setup), REFUSED);
});

test('the namespace of a process has no name, and is found by its number', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  const { guard, fixture } = setup;
  const inside = fixture.sandbox.start([
    'unshare',
    '--net',
    'sh',
    '-c',
    'ip link set lo up; echo $$; exec sleep 60',
  ]);
  const [pid = ''] = await inside.waitForOutput(/\d+/);
  assert.equal(await resultIn(setup, `/proc/${pid}/ns/net`), FREE);
  assert.equal((await guard('namespaces', 'add', `pid:${pid}`)).code, 0);
  assert.equal(await resultIn(setup, `/proc/${pid}/ns/net`), REFUSED);
  assert.match((await guard('namespaces')).stdout, new RegExp(`guard namespaces +pid:${pid}\n`));
});

test('invalid namespaces are reported', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  const { guard } = setup;
  const cases: readonly (readonly [words: string, code: number, expected: RegExp])[] = [
    ['add none', 1, /there is no network namespace none/],
    ['add cookie:4611686018427387904', 1, /there is no network namespace cookie:4611686018427387904/],
    ['add /etc/passwd', 1, /\/etc\/passwd is not a network namespace/],
    ['add a/b', 2, /"a\/b" is not a network namespace\nUse a name that "ip netns" lists/],
    ['remove pid:x', 2, /"pid:x" is not a network namespace/],
    ['remove none', 1, /there is no network namespace none/],
    ['add', 2, /missing required argument/],
  ];
  for (const [words, code, expected] of cases) {
    const { stderr, ...ended } = await guard('namespaces', ...words.split(' '));
    assert.deepEqual([ended.code, expected.test(stderr)], [code, true], `${words}: ${stderr}`);
  }
  await guard('off');
  assert.equal((await guard('namespaces')).code, 1);
  assert.equal((await guard('enforce')).code, 0);
  const home = await guard('namespaces', 'remove', '/proc/self/ns/net');
  assert.deepEqual([home.code, /To stop the guard: portreeve guard off/.test(home.stderr)], [1, true]);
  assert.equal(await resultIn(setup), REFUSED);
});

test('the commands add the namespaces in the settings', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  const { guard, settings, fixture } = setup;
  for (const name of ['web', 'mail', 'own']) await makeNamespace(setup, name);
  await guard('namespaces', 'add', 'own');
  await settings(`[guard]\nnamespaces = ["web", "${at('late')}"]\n`);
  const enforced = await guard('enforce');
  assert.equal(enforced.code, 0);
  assert.match(
    enforced.stderr,
    /warning: the guard does not cover \/run\/netns\/late: there is no such network/,
  );
  assert.deepEqual([await resultIn(setup, at('web')), await resultIn(setup, at('mail'))], [REFUSED, FREE]);
  assert.match((await guard('namespaces')).stdout, /portreeve\.toml +web\n/);
  const removed = await guard('namespaces', 'remove', 'web');
  assert.match(removed.stderr, /portreeve\.toml names it; remove it there too, or it is added again/);

  await makeNamespace(setup, 'late');
  await fixture.sandbox.write('/run/other', `${PROFILE}PORT 4001 TCP ALICE\n`);
  const { code, stderr } = await setup.apply('/run/other');
  assert.deepEqual([code, /does not cover/.test(stderr)], [0, false], stderr);
  assert.deepEqual([await resultIn(setup, at('web')), await resultIn(setup, at('late'))], [REFUSED, REFUSED]);

  await settings('[guard]\nnamespaces = ["mail"]\n');
  await guard('observe');
  await guard('enforce');
  const all = await Promise.all(['web', 'late', 'mail', 'own'].map((name) => resultIn(setup, at(name))));
  assert.deepEqual(all, [FREE, FREE, REFUSED, REFUSED]);
});

test('the daemon covers a new namespace, and reports those that are not covered', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await setup.settings('[guard]\nnamespaces = ["late"]\n');
  const daemon = await setup.serve();
  await daemon.waitForOutput(/guard: the guard does not cover \/run\/netns\/late/);
  await makeNamespace(setup, 'late');
  await until('the guard to cover it', async () => (await resultIn(setup, at('late'))) === REFUSED, 3000);
  await makeNamespace(setup, 'other');
  assert.equal(await resultIn(setup, at('other')), FREE);
});

/** Whether this machine permits us to see every namespace; if not, none can be known to be gone. */
function seesAll(t: TestContext): boolean {
  const { isComplete } = linuxNamespaces.visible();
  if (!isComplete) t.skip('needs permission to read every process');
  return isComplete;
}

test('a namespace to which nothing leads any more is removed', async (t) => {
  const setup = seesAll(t) ? await guardDaemon(t, PROFILE) : undefined;
  if (!setup) return;
  const { kernel } = setup.fixture;
  const inside = spawn('unshare', ['--net', 'sleep', '60']);
  const path = `/proc/${inside.pid}/ns/net`;
  const cookie = await until('it to be there', () => {
    const now = linuxNamespaces.cookieAt(path);
    return now === kernel.namespaces.list()[0]?.cookie ? undefined : now;
  });
  kernel.namespaces.add(cookie);
  await setup.guard('enforce');
  assert.ok(kernel.state().namespaces.includes(cookie));
  inside.kill('SIGKILL');
  await until('it to go', () => linuxNamespaces.cookieAt(path) === undefined);
  await setup.guard('enforce');
  assert.ok(!kernel.state().namespaces.includes(cookie));
});
