// Tests `portreeve run`: the environment of the command, its cgroup, permissions, and errors.
import assert from 'node:assert/strict';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE, serve, status } from '../support/daemon.ts';
import { ownCgroup } from '../support/own-cgroup.ts';
import { needs, probe } from '../support/probe.ts';
import { type Outcome, type Running, type RunOptions, Sandbox, until } from '../support/sandbox.ts';

const ALICE = 1000;
const BOB = 1001;
const FILES = {
  '/etc/passwd': `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\nbob:x:${BOB}:${BOB}::/:/bin/sh\n`,
  '/etc/group': 'root:x:0:\nwww:x:2000:\n',
  '/etc/portreeve/portreeve.toml': '[job.WEB]\nusers = ["alice"]\ngroups = ["www"]\n',
};
const WEB = [PORTREEVE, 'run', '--job', 'WEB', '--'];
const MIRROR = join(import.meta.dirname, '../support/run-mirror.py');
const ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';
/** The cgroup and the pid. */
const WHERE = ['sh', '-c', 'grep ^0:: /proc/self/cgroup; echo $$'];

interface Fixture {
  readonly sandbox: Sandbox;
  readonly daemon: Running;
  /** The cgroup of the test: its directory, and its path from the root. */
  readonly directory: string;
  readonly path: string;
  /** Runs a command in the cgroup. */
  readonly run: (argv: readonly string[], options?: RunOptions & Who) => Promise<Outcome>;
}

interface Who {
  readonly uid?: number;
  readonly groups?: readonly number[];
}

async function fixture(t: TestContext): Promise<Fixture | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.cgroup2())) return undefined;
  const directory = ownCgroup(t);
  const sandbox = await Sandbox.open(t, { files: FILES });
  const daemon = await serve(sandbox);
  const run = (argv: readonly string[], { uid, groups, ...options }: RunOptions & Who = {}) => {
    const groupsOf = groups ? `--groups=${groups.join()}` : '--clear-groups';
    const user = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, groupsOf];
    return sandbox.run(['sh', '-c', ENTER, 'enter', directory, ...user, ...argv], options);
  };
  return { sandbox, daemon, directory, path: `/${basename(directory)}`, run };
}

test('the command is in a cgroup below that of its caller, until it has ended', async (t) => {
  const at = await fixture(t);
  if (!at) return;
  const { stdout, stderr, code } = await at.run([...WEB, ...WHERE]);
  const [, cgroup, pid] = /^0::(.*)\n(\d+)\n$/.exec(stdout) ?? assert.fail(stdout + stderr);
  assert.deepEqual([cgroup, code], [`${at.path}/portreeve-job-WEB-${pid}`, 0]);
  await until('it to go', async () => {
    const { stdout: listed } = await at.run(['ls', at.directory]);
    return !listed.includes('portreeve-job');
  });
});

for (const kind of ['pipes', 'a terminal'] as const) {
  test(`a command inherits everything unchanged, with ${kind}`, async (t) => {
    if (!needs(t, probe.command('python3'))) return;
    const at = await fixture(t);
    if (!at) return;
    await at.sandbox.run(['mount', '-t', 'devpts', 'devpts', '/dev/pts']);
    const terminal = ['python3', '-c', 'import pty, sys; pty.spawn(sys.argv[1:])'];
    const called = async (...prefix: string[]) => {
      const argv = [
        'python3',
        MIRROR,
        'prepare',
        ...prefix,
        'python3',
        MIRROR,
        'mirror',
        'a b',
        '',
        '--',
        '*',
      ];
      const { stdout } = await at.run(kind === 'pipes' ? argv : [...terminal, ...argv], {
        input: '',
        env: NO_PEERS,
      });
      const { cgroup, descriptors, ...others } = JSON.parse(stdout);
      // Pipes and terminals differ each time, but not their types.
      const kinds = JSON.stringify(descriptors).replace(/((?:pipe|socket):\[|pts\/)\d+/g, '$1');
      return { cgroup, isSame: others.isSameProcess, all: { ...others, kinds } };
    };
    const [plain, run] = [await called(), await called(...WEB)];
    assert.deepEqual(run.all, plain.all);
    assert.equal(run.isSame, true);
    assert.match(run.cgroup, /portreeve-job-WEB/);
    assert.doesNotMatch(plain.cgroup, /portreeve-job/);
  });
}

test('the exit code and signals are those of the command; 125, 126 and 127 are as in env(1)', async (t) => {
  const at = await fixture(t);
  if (!at) return;
  const code = async (argv: readonly string[]) => (await at.run(argv)).code;
  const commands: [argv: string[], expected: number][] = [
    [['true'], 0],
    [['sh', '-c', 'exit 111'], 111],
    [['sh', '-c', 'exit 42'], 42],
    [['/nosuch'], 127],
    [['nosuch'], 127],
    [['/etc/passwd'], 126],
    [['/'], 126],
  ];
  for (const [command, expected] of commands) {
    assert.deepEqual(
      [await code([...WEB, ...command]), await code(['env', ...command])],
      [expected, expected],
      command.join(' '),
    );
  }
  const killed = ['sh', '-c', '"$@" || echo $?', 'sh', ...WEB, 'sh', '-c', 'kill -TERM $$'];
  assert.match((await at.run(killed)).stdout, /^143$/m);
});

test('wrong usage is exit code 125, runs nothing, and prints an error', async (t) => {
  const at = await fixture(t);
  if (!at) return;
  const wrong: [args: string[], message: RegExp][] = [
    [['--job', 'WEB'], /the command is missing: put it after "--"/],
    [['--job', 'WEB', '--'], /the command is missing/],
    [['--job', 'WEB', '--', ''], /the command is missing/],
    [['--job', 'WEB', 'echo', 'ran'], /the command is missing/],
    [['--job', 'WEB', 'sh', '--', 'echo', 'ran'], /the command is missing/],
    [['--job', 'WEB', '--', '-x', 'echo', 'ran'], /cannot begin with "-"/],
    [['--', 'echo', 'ran'], /required option '--job <name>' not specified/],
    [['--job', 'WEB', '--nosuch', '--', 'echo', 'ran'], /unknown option '--nosuch'/],
    [['--job', 'A/B', '--', 'echo', 'ran'], /"A\/B" is not a job name/],
    [['--job', 'UNKNOWN', '--', 'echo', 'ran'], /cannot be taken/],
    [['--job', 'RESERVED', '--', 'echo', 'ran'], /a keyword of the profile/],
    [['--job', 'WEB', '--runtime', '/nosuch', '--', 'echo', 'ran'], /cannot take the job: .*ENOENT/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await at.run([PORTREEVE, 'run', ...args]);
    assert.deepEqual([code, stdout], [125, ''], args.join(' '));
    assert.match(stderr, message);
    assert.match(stderr, /^portreeve: error\[\w+\]: /);
  }
  const help = await at.run([PORTREEVE, 'run', '--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: portreeve run \[options\] -- <command>/);
});

test('a job may be taken by the users that portreeve.toml lists, and by root', async (t) => {
  const at = await fixture(t);
  if (!at) return;
  const ends = async (who: Who, job = 'WEB') =>
    (await at.run([PORTREEVE, 'run', '--job', job, '--', 'true'], who)).code;
  assert.deepEqual(
    [
      await ends({}),
      await ends({}, 'OTHER'),
      await ends({ uid: ALICE }),
      await ends({ uid: BOB, groups: [2000] }),
    ],
    [0, 0, 0, 0],
  );
  assert.deepEqual(
    [await ends({ uid: ALICE }, 'OTHER'), await ends({ uid: BOB, groups: [2001] })],
    [125, 125],
  );
  const refused = await at.run([...WEB, 'true'], { uid: BOB });
  assert.equal(
    refused.stderr,
    'portreeve: error[JOB_DENIED]: uid 1001 may not take the job WEB\n' +
      'portreeve.toml grants jobs: [job.WEB] users, groups.\n',
  );
  await at.sandbox.write('/etc/portreeve/portreeve.toml', '[job.WEB]\nusers = ["bob"]\n');
  const { pid } = await status(at.sandbox);
  await at.sandbox.run(['kill', '-HUP', `${pid}`]);
  await at.daemon.waitForOutput(/reloaded the settings/);
  assert.deepEqual([await ends({ uid: ALICE }), await ends({ uid: BOB })], [125, 0]);
});

test('a shell takes a job for itself with curl, and no user takes one for another process', async (t) => {
  if (!needs(t, probe.command('curl'))) return;
  const at = await fixture(t);
  if (!at) return;
  const ask = `curl -s --unix-socket /run/portreeve/user.sock http://localhost/v1/run -d`;
  const own = `${ask} '{"job": "WEB", "pid": '$$'}'; grep ^0:: /proc/self/cgroup`;
  const { stdout } = await at.run(['sh', '-c', own], { uid: ALICE });
  assert.match(stdout, /^\{"job":"WEB","cgroup":"(.*)"\}\n0::\1\n$/);
  const other = `sleep 10 & ${ask} '{"job": "WEB", "pid": '$!'}'; kill $!`;
  assert.match((await at.run(['sh', '-c', other], { uid: ALICE })).stdout, /"code":"PROCESS_DENIED"/);
  const outside = `${ask} '{"job": "OTHER"}' -w '%{http_code}'`;
  assert.match((await at.run(['sh', '-c', outside], { uid: ALICE })).stdout, /"code":"JOB_DENIED".*\n403$/);
});

test('a daemon that is restarted knows the jobs that were given before', async (t) => {
  const at = await fixture(t);
  if (!at) return;
  const argv = ['sh', '-c', ENTER, 'enter', at.directory, ...WEB, 'sh', '-c', 'echo in; exec sleep 60'];
  const holder = at.sandbox.start(argv);
  await holder.waitForOutput(/in/);
  await at.daemon.stop('SIGKILL');
  await serve(at.sandbox);
  const listed = async () => (await at.run(['ls', at.directory])).stdout.includes('portreeve-job');
  assert.ok(await listed());
  // It removes the cgroups that it knows, and no others.
  await holder.stop('SIGKILL');
  await until('the cgroup to go', async () => !(await listed()));
});

test('a daemon without root, or without cgroup v2, serves portmap and reports what is missing', async (t) => {
  if (!needs(t, probe.root(), probe.netns())) return;
  const sandbox = await Sandbox.open(t, { files: FILES });
  await sandbox.run(['umount', '--lazy', '--recursive', '/sys/fs/cgroup']);
  const own = ['--runtime', '/run/alice', '--local', '/run/alice/rpcbind.sock', '--port', '7111'];
  await sandbox.run(['install', '-d', '-o', `${ALICE}`, '/run/alice']);
  const alice = await serve(sandbox, own, { uid: ALICE });
  await serve(sandbox);
  const missing = async (...args: string[]) => {
    const { stdout } = await sandbox.run([PORTREEVE, 'status', '--json', ...args], { env: NO_PEERS });
    const { portmap, guard } = JSON.parse(stdout);
    return [portmap.state, guard.mode, ...guard.missing];
  };
  const noCgroups = 'no complete cgroup v2 hierarchy is mounted';
  assert.deepEqual(await missing(), ['running', 'absent', noCgroups]);
  const notRoot = 'only root can assign jobs and update the kernel';
  assert.deepEqual(await missing('--runtime', '/run/alice'), ['running', 'absent', notRoot]);
  const { code, stderr } = await sandbox.run([...WEB, 'true'], { env: NO_PEERS });
  assert.equal(code, 125);
  assert.equal(
    stderr.split('\n')[0],
    `portreeve: error[JOBS_UNAVAILABLE]: could not assign a job: ${noCgroups}`,
  );
  const byAlice = await sandbox.run(
    [PORTREEVE, 'run', '--job', 'WEB', '--runtime', '/run/alice', '--', 'true'],
    {
      env: NO_PEERS,
    },
  );
  assert.deepEqual(
    [byAlice.code, byAlice.stderr.split('\n')[0]],
    [125, `portreeve: error[JOBS_UNAVAILABLE]: could not assign a job: ${notRoot}`],
  );
  await alice.stop();
});
