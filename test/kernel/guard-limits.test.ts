// Where the real kernel deviates from a profile, and what the guard's commands report and refuse.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DELAY_US } from '../../src/guard/bpf/outcome.ts';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { PORTREEVE } from '../support/daemon.ts';
import { guardReady, NO_DELAY_US } from '../support/guard.ts';
import { ALICE, BOUND, setup, TCP6, UDP, WEB } from '../support/guard-setup.ts';
import { namedNamespace } from '../support/netns.ts';
import { needs, probe } from '../support/probe.ts';

/** The default range of a network (ip_local_port_range in ip-sysctl). */
const LOCAL_RANGE = [32_768, 60_999] as const;

test('EXPLICITBINDPORTRANGE: the kernel chooses from its own range, for all addresses as for one', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('GLOBALCONFIG EXPLICITBINDPORTRANGE 5000 100\n');
  for (const more of [{}, TCP6, { address: '127.0.0.1' }, UDP]) {
    const bind = { socket: 'tcp4', address: '0.0.0.0', port: 0, ...more } as const;
    const [bound] = await at.agent.bind([bind], WEB);
    const port = bound?.port ?? 0;
    assert.ok(port >= LOCAL_RANGE[0] && port <= LOCAL_RANGE[1], `${port}`);
  }
});

/** The maximum delay of acknowledgments: of an unbound client, a bound one, a listener, and an accepted connection. */
const CLIENTS = `import socket
TCP_DELACK_MAX_US = 46
def wait(one):
    print(one.getsockopt(socket.IPPROTO_TCP, TCP_DELACK_MAX_US))
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 4000))
listener.listen()
client = socket.socket()
client.connect(("127.0.0.1", 4000))
bound = socket.socket()
bound.bind(("127.0.0.1", 0))
bound.connect(("127.0.0.1", 4000))
wait(client)
wait(bound)
wait(listener)
wait(listener.accept()[0])`;

test('TCPCONFIG NODELAYACKS affects bound sockets and what they accept, but no other client', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const waits = async () => {
    const { stdout, stderr } = await at.fixture.run(['python3', '-c', CLIENTS]);
    if (stderr.includes('Protocol not available')) return undefined;
    assert.equal(stderr, '');
    return stdout.trim().split('\n');
  };
  at.inForce('TCPCONFIG NODELAYACKS\n');
  const reported = await waits();
  if (!reported) return t.skip('needs a kernel with TCP_DELACK_MAX_US');
  assert.deepEqual(reported, [`${DELAY_US}`, `${NO_DELAY_US}`, `${NO_DELAY_US}`, `${NO_DELAY_US}`]);
  at.inForce('TCPCONFIG DELAYACKS\n');
  assert.deepEqual(new Set(await waits()), new Set([`${DELAY_US}`]));
});

test('RESTRICTLOWPORTS: what Linux itself refuses is not counted, and what the guard refuses is', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const refused = () => at.fixture.kernel.state().counters.LOW_PORT_RESTRICTED;
  at.inForce('TCPCONFIG RESTRICTLOWPORTS\n');
  assert.equal(await at.bind(81, WEB), 'EACCES');
  assert.equal(refused(), 0n);
  await at.agent.setUnprivilegedStart(80);
  at.inForce('TCPCONFIG RESTRICTLOWPORTS\n', { unprivilegedStart: 80 });
  assert.equal(await at.bind(79, WEB), 'EACCES');
  assert.equal(refused(), 0n);
  assert.equal(await at.bind(81, WEB), 'EACCES');
  assert.equal(refused(), 1n);
  // From there on the user counts, regardless of capabilities.
  assert.equal(await at.bind(81, { ...WEB, lowPortCapable: true }), 'EACCES');
  assert.equal(await at.bind(81, { lowPortCapable: false }), BOUND);
  assert.equal(await at.bind(79, { ...WEB, lowPortCapable: true }), BOUND);
});

test('a reservation gives its job the port wherever Linux requires a capability', async (t) => {
  const at = await setup(t);
  if (!at) return;
  await at.agent.setUnprivilegedStart(5000);
  at.inForce('PORT\n 4000 TCP WEB\n 4001 UDP WEB\n 80 TCP WEB\n', { unprivilegedStart: 5000 });
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(await at.bind(4001, WEB, UDP), BOUND);
  assert.equal(await at.bind(80, WEB), BOUND);
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
  // What is not reserved is left to Linux.
  assert.equal(await at.bind(4002, WEB), 'EACCES');
  assert.equal(await at.bind(5000, WEB), BOUND);
});

test('SAF: a group that a process got in another way does not count', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const permits = () => ({ uids: new Map([[1000, true]]), everyone: false });
  at.inForce('PORT 4000 TCP * SAF ADMIN\n', { permits });
  assert.equal(await at.bind(4000, { ...ALICE, groups: [1000, 50] }), 'EACCES');
  assert.equal(await at.bind(4000, { ...WEB, groups: [] }), BOUND);
});

const [PORT, OTHER_PORT] = [23_461, 23_462];
const EXACT = `PORT ${PORT} TCP NOBODY\n`;
const INEXACT = `PORT ${PORT} TCP ROOT\nPORT ${OTHER_PORT} TCP ROOT NODELAYACKS\n`;

interface Workspace {
  /** Runs `portreeve` after a command prefix, with the workspace's names in bpffs and its record. */
  readonly run: (
    line: string,
    before?: readonly string[],
  ) => { readonly code: number | null; readonly stdout: string; readonly stderr: string };
  readonly hasGuard: () => boolean;
}

/** Commands of a separate guard, for a cgroup without processes; all of it is removed with the test. */
function workspace(t: TestContext): Workspace | undefined {
  if (!guardReady(t)) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-limits-'));
  const cgroup = mkdtempSync(join(cgroupRoot(), 'portreeve-limits-'));
  const pins = `/sys/fs/bpf/portreeve-limits-${process.pid}`;
  // A guard writes settings of its network.
  const network = namedNamespace();
  mkdirSync(join(directory, 'profiles'));
  writeFileSync(join(directory, 'profiles/exact'), EXACT);
  writeFileSync(join(directory, 'profiles/inexact'), INEXACT);
  const run: Workspace['run'] = (line, before = []) => {
    const words = line.split(' ').map((word) => word.replace(/^@/, `${directory}/profiles/`));
    const own = ['--state', join(directory, 'state'), ...(words[0] === 'profile' ? [] : ['--pins', pins])];
    const where = words[1] === 'enforce' || words[1] === 'observe' ? ['--cgroup', cgroup] : [];
    const argv = [`--net=${network.path}`, ...before, PORTREEVE, ...words, ...own, ...where];
    const { status, stdout, stderr } = spawnSync('nsenter', argv, { encoding: 'utf8' });
    return { code: status, stdout, stderr };
  };
  t.after(() => {
    run('guard off');
    network.remove();
    rmdirSync(cgroup);
    rmSync(directory, { recursive: true });
  });
  const hasGuard = () => readdirSync('/sys/fs/bpf').some((name) => pins.endsWith(`/${name}`));
  return { run, hasGuard };
}

test('guard enforce --exact installs only what the kernel can enforce exactly', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run, hasGuard } = at;
  run('apply @inexact');
  const refused = run('guard enforce --exact');
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /inexact:2: note: NODELAYACKS: acknowledgments are delayed by up to [0-9.]+ ms/,
  );
  assert.match(
    refused.stderr,
    /the kernel cannot do 1 thing exactly as the profile states; nothing was changed/,
  );
  assert.equal(hasGuard(), false);
  run('apply @exact');
  const enforced = run('guard enforce --exact');
  assert.equal(enforced.code, 0);
  assert.doesNotMatch(enforced.stderr, /note:/);
  assert.equal(hasGuard(), true);
});

test('apply --exact leaves the kernel and the record unchanged', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run } = at;
  run('apply @exact');
  run('guard enforce');
  const revision = () => JSON.parse(run('guard --json').stdout).revision;
  for (const line of [
    'apply @inexact --exact',
    'obey @inexact --exact',
    'apply @inexact --exact --try 60s',
  ]) {
    assert.equal(run(line).code, 1);
    assert.equal(revision(), 1);
    assert.equal(run('profile history 2').code, 1);
  }
  const taken = run('apply @inexact');
  assert.equal(taken.code, 0);
  assert.equal(taken.stderr.match(/note: NODELAYACKS/g)?.length, 1);
  assert.equal(revision(), 2);
});

test('guard lists what this kernel cannot enforce of the profile in force', (t) => {
  const at = workspace(t);
  if (!at) return;
  const { run } = at;
  const limits = () => JSON.parse(run('guard --json').stdout).limits;
  const named = () => limits().filter(({ count }: { count: number }) => count > 0);
  run('apply @exact');
  run('guard enforce');
  assert.deepEqual(named(), []);
  assert.doesNotMatch(run('guard').stdout, /NODELAYACKS/);
  const reported = run('apply @inexact');
  assert.match(reported.stdout, /the kernel enforces it/);
  const [limit, ...others] = named();
  assert.deepEqual(others, []);
  assert.deepEqual([limit.code, limit.differs, limit.count], ['ACKS_NOT_AT_ONCE', true, 1]);
  assert.equal(limit.statements[0].text, `${OTHER_PORT} TCP ROOT NODELAYACKS`);
  assert.match(run('guard').stdout, /^limit {5}NODELAYACKS: .*inexact:2$/m);
  run('guard off');
  const off = JSON.parse(run('guard --json').stdout);
  assert.deepEqual([off.mode, off.missing], ['off', []]);
  assert.equal(named()[0].code, 'ACKS_NOT_AT_ONCE');
});

/** Hides the control groups, in a separate mount namespace. */
const WITHOUT_CGROUPS = [
  'unshare',
  '--mount',
  'sh',
  '-ec',
  'for each in $(findmnt -nlo TARGET -t cgroup2); do umount -l "$each"; done; exec "$@"',
  'sh',
];
const WITHOUT_BPF = ['setpriv', '--bounding-set=-sys_admin,-net_admin,-bpf'];
const NOT_ROOT = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

test('where no guard is possible, what is missing is reported', (t) => {
  if (!needs(t, probe.command('unshare'), probe.command('findmnt'), probe.command('setpriv'))) return;
  const at = workspace(t);
  if (!at) return;
  const { run } = at;
  const missing = (before: readonly string[]) => {
    const { code, stdout, stderr } = run('guard --json', before);
    assert.deepEqual([code, stderr], [1, '']);
    return JSON.parse(stdout).missing.map((one: { certain: boolean; message: string }) => [
      one.certain,
      one.message,
    ]);
  };
  assert.deepEqual(missing([]), []);
  const [[certain, noCgroups = ''] = [], ...others] = missing(WITHOUT_CGROUPS);
  assert.deepEqual([certain, others], [true, []]);
  assert.match(noCgroups, /^no complete cgroup v2 hierarchy is mounted/);
  assert.deepEqual(missing(WITHOUT_BPF), [
    [true, 'the kernel does not permit root to load BPF programs here'],
  ]);
  assert.match(
    run('guard', WITHOUT_CGROUPS).stdout,
    /^missing {3}no complete cgroup v2 hierarchy .* Mount it with: /m,
  );

  const unknown = run('guard', NOT_ROOT);
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /only root can inspect the kernel/);
  assert.doesNotMatch(unknown.stderr, /cgroup v2/);
  const reported = run('guard', [...WITHOUT_CGROUPS, ...NOT_ROOT]);
  assert.equal(reported.code, 3);
  assert.match(
    reported.stderr,
    /only root can inspect the kernel.*[\s\S]*no complete cgroup v2 hierarchy is mounted/,
  );
});
