// The kernel assigns no reserved port, in any namespace that the guard covers, by any system call.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PEERS, PORTREEVE, portreeve } from '../support/daemon.ts';
import { type GuardDaemon, guardDaemon, makeNamespace } from '../support/guard-daemon.ts';
import { attempts, BY_CHOICE, each } from '../support/hostile.ts';
import { ALICE } from '../support/job-fixture.ts';
import { until } from '../support/sandbox.ts';

const [RESERVED, FREE] = [40_001, 40_002];
const PROFILE = `PORT ${RESERVED} TCP RESERVED\n ${RESERVED} UDP RESERVED\n`;
const LIST = '/proc/sys/net/ipv4/ip_local_reserved_ports';

const WAYS = Object.keys(BY_CHOICE);

/** What an unprivileged user gets by each call, in the guard's own namespace or in the one of a file. */
function all(setup: GuardDaemon, port: number, path?: string): Promise<Readonly<Record<string, string>>> {
  return attempts(setup, { uid: ALICE, path }, port, WAYS);
}

async function got(setup: GuardDaemon, way: string, port: number, path?: string): Promise<string> {
  return (await attempts(setup, { uid: ALICE, path }, port, [way]))[way] ?? assert.fail('there is no output');
}

async function listIn({ fixture }: GuardDaemon, path?: string): Promise<string> {
  const there = path === undefined ? [] : ['nsenter', `--net=${path}`];
  return (await fixture.sandbox.run([...there, 'cat', LIST])).stdout.trim();
}

/** Sets the list, as root of that namespace does. */
async function setList({ fixture }: GuardDaemon, value: string, path?: string): Promise<void> {
  const there = path === undefined ? [] : ['nsenter', `--net=${path}`];
  const { code, stderr } = await fixture.sandbox.run([...there, 'sh', '-c', `echo "${value}" >${LIST}`]);
  assert.equal(code, 0, stderr);
}

const at = (name: string): string => `/run/netns/${name}`;

for (const [where, path] of [
  ['the namespace of a guard of a cgroup', undefined],
  ['a named namespace', at('web')],
] as const) {
  test(`in ${where} no call gets a reserved port from the kernel, and each gets another one`, async (t) => {
    const setup = await guardDaemon(t, PROFILE);
    if (!setup) return;
    await makeNamespace(setup, 'web');
    // The programs alone do not see these calls, or do not see the port.
    assert.deepEqual(await all(setup, RESERVED, path), each(WAYS, RESERVED));
    await setup.settings('[guard]\nnamespaces = ["web"]\n');
    const { code, stderr } = await setup.guard('enforce');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(await all(setup, RESERVED, path), BY_CHOICE);
    assert.deepEqual(await all(setup, FREE, path), each(WAYS, FREE));
    assert.equal((await setup.guard('off')).code, 0);
    assert.equal(await got(setup, 'listen', RESERVED, path), `${RESERVED}`);
  });
}

test('a process that takes all ports gets no reserved port', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await makeNamespace(setup, 'web');
  const narrow = ['sysctl', '-qw', 'net.ipv4.ip_local_port_range=40000 40009'];
  for (const there of [[], ['ip', 'netns', 'exec', 'web']])
    assert.equal((await setup.fixture.sandbox.run([...there, ...narrow])).code, 0);
  assert.equal(await got(setup, 'many', RESERVED, at('web')), `${RESERVED}`);
  await setup.guard('namespaces', 'add', 'web');
  await setup.guard('enforce');
  for (const path of [undefined, at('web')]) {
    assert.equal(await got(setup, 'many', RESERVED, path), 'none');
    assert.equal(await got(setup, 'many', FREE, path), `${FREE}`);
  }
});

test("other programs' ports in a list are kept, and the guard's are removed with the profile", async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  for (const name of ['web', 'mail']) await makeNamespace(setup, name);
  await setList(setup, '8080', at('web'));
  await setup.guard('enforce');
  await setup.guard('namespaces', 'add', 'web');
  await setup.guard('namespaces', 'add', 'mail');
  const lists = () => Promise.all([undefined, at('web'), at('mail')].map((path) => listIn(setup, path)));
  assert.deepEqual(await lists(), [`${RESERVED}`, `8080,${RESERVED}`, `${RESERVED}`]);
  await setList(setup, `7000,8080,${RESERVED}`, at('web'));
  await setup.guard('namespaces', 'remove', 'mail');
  assert.deepEqual(await lists(), [`${RESERVED}`, `7000,8080,${RESERVED}`, '']);
  await setup.fixture.sandbox.write('/run/other', `PORT ${FREE} TCP RESERVED\n`);
  assert.equal((await setup.apply('/run/other')).code, 0);
  assert.deepEqual(await lists(), [`${FREE}`, `7000,8080,${FREE}`, '']);
  await setup.guard('observe');
  assert.deepEqual(await lists(), ['', '7000,8080', '']);
  await setup.guard('enforce');
  await setup.guard('off');
  assert.deepEqual(await lists(), ['', '7000,8080', '']);
  assert.equal((await setup.fixture.sandbox.run(['sh', '-c', 'ls /run/state | grep sysctls'])).stdout, '');
});

test('without the state directory, the lists of another guard are not changed', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await makeNamespace(setup, 'web');
  await setup.guard('enforce');
  const { sandbox, place } = setup.fixture;
  const add = ['guard', 'namespaces', 'add', 'web', '--pins', place.pins];
  assert.equal((await portreeve(sandbox, add)).code, 0);
  assert.deepEqual([await listIn(setup), await listIn(setup, at('web'))], [`${RESERVED}`, '']);
  assert.equal((await portreeve(sandbox, [...add, '--state', '/run/state'])).code, 0);
  assert.equal(await listIn(setup, at('web')), `${RESERVED}`);
  assert.equal((await portreeve(sandbox, ['guard', 'off', '--pins', place.pins])).code, 0);
  assert.deepEqual([await listIn(setup), await listIn(setup, at('web'))], [`${RESERVED}`, `${RESERVED}`]);
});

test('guard off restores the lists after a process that was killed when it had removed the guard', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await makeNamespace(setup, 'web');
  await setup.guard('enforce');
  await setup.guard('namespaces', 'add', 'web');
  await setup.fixture.remove();
  assert.deepEqual([await listIn(setup), await listIn(setup, at('web'))], [`${RESERVED}`, `${RESERVED}`]);
  assert.equal((await setup.guard('off')).stdout, 'the guard was already off\n');
  assert.deepEqual([await listIn(setup), await listIn(setup, at('web'))], ['', '']);
});

test('a command in a named namespace writes the lists of all namespaces', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await makeNamespace(setup, 'web');
  await setup.guard('namespaces', 'add', 'web');
  const place = ['--state', '/run/state', '--pins', setup.fixture.place.pins];
  const argv = ['nsenter', `--net=${at('web')}`, PORTREEVE, 'guard', 'enforce', ...place];
  const { code, stderr } = await setup.fixture.sandbox.run(argv, { env: NO_PEERS });
  assert.equal(code, 0, stderr);
  // The home namespace has no name, and is found by its processes.
  assert.equal(stderr, '');
  assert.deepEqual([await listIn(setup), await listIn(setup, at('web'))], [`${RESERVED}`, `${RESERVED}`]);
});

test('the daemon writes the list of a new namespace, and puts back what is removed', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await setup.settings('[guard]\nnamespaces = ["late"]\n');
  await setup.guard('enforce');
  const daemon = await setup.serve();
  await makeNamespace(setup, 'late');
  await until('the list to be there', async () => (await listIn(setup, at('late'))) === `${RESERVED}`, 3000);
  assert.equal(await got(setup, 'listen', RESERVED, at('late')), 'EADDRINUSE');
  for (const path of [undefined, at('late')]) {
    await setList(setup, '9000', path);
    await until('it to be back', async () => (await listIn(setup, path)) === `9000,${RESERVED}`, 3000);
  }
  await daemon.waitForOutput(
    /in the network namespace late: another program removed 1 port of the profile from/,
  );
  await setup.guard('off');
  assert.deepEqual([await listIn(setup), await listIn(setup, at('late'))], ['9000', '9000']);
});

/** A network namespace of an ordinary user's own user namespace, in which that user is root. */
const OWN = 'ip link set lo up; echo $$; exec sleep 60';

test('root of another user namespace can change its list, and the daemon puts it back', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  const user = ['setpriv', `--reuid=${ALICE}`, `--regid=${ALICE}`, '--clear-groups'];
  const argv = [...user, 'unshare', '--user', '--map-root-user', '--net', 'sh', '-c', OWN];
  const container = setup.fixture.sandbox.start(argv);
  const [pid = ''] = await container.waitForOutput(/^\d+/m);
  const path = `/proc/${pid}/ns/net`;
  await setup.guard('enforce');
  assert.equal((await setup.guard('namespaces', 'add', `pid:${pid}`)).stderr, '');
  assert.equal(await listIn(setup, path), `${RESERVED}`);
  await setup.serve();
  const inside = ['nsenter', '-t', pid, '--user', '--net', '--preserve-credentials', 'sh', '-c'];
  const changed = await setup.fixture.sandbox.run([...inside, `echo 9000 >${LIST} && cat ${LIST}`]);
  assert.equal(changed.stdout, '9000\n', changed.stderr);
  await until('it to be back', async () => (await listIn(setup, path)) === `9000,${RESERVED}`, 3000);
});

test('a list that cannot be written is reported by the command, the daemon and the guard', async (t) => {
  const setup = await guardDaemon(t, PROFILE);
  if (!setup) return;
  await makeNamespace(setup, 'web');
  const { fixture, guard } = setup;
  const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
  assert.equal((await fixture.sandbox.run(['sh', '-c', readOnly])).code, 0);
  await setup.settings('[guard]\nnamespaces = ["web"]\n');
  const { code, stderr } = await guard('enforce');
  assert.equal(code, 0);
  assert.match(stderr, /^portreeve: warning: cannot set net\.ipv4\.ip_local_reserved_ports to "40001"/m);
  assert.match(
    stderr,
    /warning: in the network namespace web: cannot set net\.ipv4\.ip_local_reserved_ports/,
  );
  const state = ['--state', '/run/state'];
  const report = await guard(...state);
  assert.match(
    report.stdout,
    /\nassigned {2}the kernel may assign 1 reserved port\. To fix it: portreeve guard enforce/,
  );
  assert.match(
    report.stdout,
    /\nassigned {2}the kernel may assign 1 reserved port in the network namespace web\./,
  );
  const { assignable } = JSON.parse((await guard('--json', ...state)).stdout);
  assert.deepEqual(
    assignable.map(({ namespace, ports }: Record<string, string>) => `${namespace} ${ports}`),
    [`${assignable[0].namespace} ${RESERVED}`, `web ${RESERVED}`],
  );
  const daemon = await setup.serve();
  await daemon.waitForOutput(/in the network namespace web: cannot set net\.ipv4\.ip_local_reserved_ports/);
  assert.equal((await fixture.sandbox.run(['umount', '--lazy', '/proc/sys'])).code, 0);
  assert.equal((await guard('enforce')).stderr, '');
  assert.doesNotMatch((await guard(...state)).stdout, /assigned/);
});
