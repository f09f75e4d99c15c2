// Where something that the guard requires is missing, it is reported, and everything else works.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cgroupRoot } from '../../src/host/linux/cgroup.ts';
import { NO_PEERS, PORTREEVE } from '../support/daemon.ts';
import { guardReady } from '../support/guard.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { type Outcome, Sandbox } from '../support/sandbox.ts';

const USER = 1000;

/** Command prefixes that create the conditions of a container or a host. */
const WITHOUT = {
  nothing: [],
  capabilities: ['setpriv', '--bounding-set=-bpf,-net_admin,-sys_admin,-perfmon'],
  cgroup2: ['unshare', '--mount', 'sh', '-c', 'umount -R /sys/fs/cgroup && exec "$@"', 'without'],
  bpffs: [
    ...['unshare', '--mount', 'sh', '-c', 'umount /sys/fs/bpf && exec "$@"', 'without'],
    ...['setpriv', '--bounding-set=-sys_admin'],
  ],
  writableBpffs: [
    ...['unshare', '--mount', 'sh', '-c', 'mount -o remount,bind,ro /sys/fs/bpf && exec "$@"', 'without'],
  ],
  rightsOfTheHost: ['unshare', '--user', '--map-root-user'],
} as const;

interface Setup {
  readonly sandbox: Sandbox;
  readonly pins: string;
  /** Runs a command of portreeve in such an environment. */
  readonly run: (without: keyof typeof WITHOUT, words: string, uid?: number) => Promise<Outcome>;
}

/** A sandbox with a profile to apply, and a cgroup; attempts there leave nothing in the kernel. */
async function setup(t: TestContext): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('setpriv'), ONLY_PORTREEVE)) return undefined;
  const sandbox = await Sandbox.open(t, { files: { '/run/profile': 'PORT 4000 TCP WEB\n' } });
  const cgroup = join(cgroupRoot(), `portreeve-test-missing-${process.pid}`);
  const pins = `/sys/fs/bpf/portreeve-test-missing-${process.pid}`;
  mkdirSync(cgroup);
  chmodSync(cgroup, 0o755);
  t.after(() => {
    rmdirSync(cgroup);
    assert.deepEqual(
      readdirSync(dirname(pins)).filter((name) => name.startsWith(basename(pins))),
      [],
    );
  });
  const run = (without: keyof typeof WITHOUT, words: string, uid?: number) => {
    const place = words.startsWith('guard') || words.startsWith('apply') ? ['--pins', pins] : [];
    const state = words.startsWith('apply') || words.startsWith('guard e') ? ['--state', '/run/state'] : [];
    const own = words === 'guard enforce' ? ['--cgroup', cgroup] : [];
    const argv = [...WITHOUT[without], PORTREEVE, ...words.split(' '), ...place, ...state, ...own];
    return sandbox.run(argv, { env: NO_PEERS, timeout: 20_000, ...(uid === undefined ? {} : { uid }) });
  };
  return { sandbox, pins, run };
}

/** The expected message and hint of each. */
const EXPECTED: Readonly<Record<Exclude<keyof typeof WITHOUT, 'nothing'>, RegExp>> = {
  capabilities: /EPERM: this process lacks CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN\n.*--cap-add/,
  cgroup2: /no complete cgroup v2 hierarchy is mounted\nMount it with: mount -t cgroup2/,
  bpffs:
    /cannot mount the BPF file system at \/sys\/fs\/bpf: EPERM: this process lacks CAP_SYS_ADMIN\nMount it first/,
  writableBpffs: /cannot create \S+ in the BPF file system: .*\nIt must be mounted writable/,
  rightsOfTheHost: /EPERM: this process is in a user namespace.*\nRun it on the host/,
};

for (const [name, expected] of Object.entries(EXPECTED)) {
  const without = name as keyof typeof EXPECTED;
  test(`without ${name} a profile is recorded and used, and the guard reports what is missing`, async (t) => {
    const at = await setup(t);
    if (!at) return;
    const applied = await at.run(without, 'apply /run/profile');
    assert.equal(applied.code, 0, applied.stderr);
    assert.match(
      applied.stdout,
      /recorded as revision 1; nothing enforces it: the guard is off\nTo start it: .*\n$/,
    );
    const decided = await at.run(without, 'decide --state /run/state OTHER 4000/tcp');
    assert.deepEqual(
      [decided.code, /RESERVED_FOR_OTHERS|reserved/.test(decided.stdout)],
      [1, true],
      decided.stderr,
    );

    const enforced = await at.run(without, 'guard enforce');
    assert.equal(enforced.code, 3, enforced.stdout);
    assert.match(enforced.stderr, expected);
    assert.equal(existsSync(at.pins), false);
    const shown = await at.run(without, 'guard');
    assert.deepEqual([shown.code, /^the guard is off/.test(shown.stdout)], [1, true], shown.stderr);
  });
}

test('where nothing is missing the same commands work', async (t) => {
  const at = await setup(t);
  if (!at) return;
  await at.run('nothing', 'apply /run/profile');
  const enforced = await at.run('nothing', 'guard enforce');
  assert.equal(enforced.code, 0, enforced.stderr);
  assert.match((await at.run('nothing', 'apply /run/profile')).stdout, /the kernel enforces it/);

  // A process that may not inspect the kernel gets no answer about the guard.
  const shown = await at.run('capabilities', 'guard');
  assert.equal(shown.code, 3, shown.stdout);
  assert.match(shown.stderr, /this process lacks CAP_BPF/);
  assert.equal((await at.run('nothing', 'guard off')).code, 0);
});

test('a user without root gets an error', async (t) => {
  const at = await setup(t);
  if (!at) return;
  for (const words of ['guard enforce', 'guard off', 'guard namespaces', 'confirm']) {
    const { code, stderr } = await at.run('nothing', words, USER);
    assert.deepEqual(
      [code, /^portreeve: error\[\w+\]: only root can .*\nRun it as root/.test(stderr)],
      [3, true],
      words,
    );
  }
});

for (const without of ['capabilities', 'cgroup2'] as const) {
  test(`without ${without} the daemon maps ports, and reports what it cannot do`, async (t) => {
    const at = await setup(t);
    if (!at) return;
    const { sandbox } = at;
    const daemon = sandbox.start([...WITHOUT[without], PORTREEVE, 'serve', '--pins', at.pins], {
      env: NO_PEERS,
    });
    await daemon.waitForOutput(/portmap is ready/);
    assert.equal((await at.run('nothing', 'portmap list')).code, 0);
    const { guard } = JSON.parse((await at.run('nothing', 'status --json')).stdout);
    assert.equal(guard.mode, 'absent');
    const { code, stderr } = await at.run('nothing', 'run --job WEB -- true');
    if (without === 'capabilities') {
      assert.deepEqual(guard.missing, []);
      assert.match(stderr, /cannot be marked: EPERM/);
    } else {
      assert.deepEqual(guard.missing, ['no complete cgroup v2 hierarchy is mounted']);
      assert.match(
        stderr,
        /^portreeve: error\[\w+\]: could not assign a job: no complete cgroup v2 hierarchy is mounted/,
      );
    }
    assert.equal(code, 125);
  });
}
