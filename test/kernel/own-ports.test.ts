// The guard and portreeve's own ports: the doctor's advice works at the next start, and a refusal names its rule.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE, status } from '../support/daemon.ts';
import { guardReady } from '../support/guard.ts';
import { ownCgroup } from '../support/own-cgroup.ts';
import { bringPeers, type Peers } from '../support/peers.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { type Outcome, type Running, Sandbox, until } from '../support/sandbox.ts';

const ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';

interface Setup {
  readonly sandbox: Sandbox;
  /** Runs a command; `@name` is a file in /run. */
  readonly run: (line: string, uid?: number) => Promise<Outcome>;
  /** Writes a profile and applies it. */
  readonly apply: (text: string) => Promise<Outcome>;
  /** Starts a command in the guard's cgroup. */
  readonly begin: (...argv: readonly string[]) => Running;
  /** Starts `portreeve serve` there. */
  readonly start: (...options: readonly string[]) => Running;
  /** The options that name the place of the guard. */
  readonly pins: readonly string[];
  /** Starts `portreeve serve`, and waits until it is ready. */
  readonly serve: (...options: readonly string[]) => Promise<Running>;
}

async function setup(t: TestContext, peers?: Peers): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, ONLY_PORTREEVE)) return undefined;
  let run: Setup['run'] | undefined;
  t.after(() => run?.('guard off'));
  const sandbox = await Sandbox.open(t, peers && { peers });
  const directory = ownCgroup(t);
  const guarded = join(directory, 'guarded');
  mkdirSync(guarded);
  for (const each of [directory, guarded]) chmodSync(each, 0o755);
  const pins = ['--pins', `/sys/fs/bpf/${basename(directory)}`];
  const state = ['--state', '/run/state'];
  run = (line, uid) => {
    const words = line.split(' ').map((word) => word.replace(/^@/, '/run/'));
    const [name = ''] = words;
    const hasGuard = ['guard', 'apply', 'obey', 'profile'].includes(name);
    const place = hasGuard ? [...pins, ...state] : state;
    const where = /^guard (?:enforce|observe)/.test(line) ? ['--cgroup', guarded] : [];
    const options = { env: NO_PEERS, ...(uid === undefined ? {} : { uid }) };
    return sandbox.run([PORTREEVE, ...words, ...where, ...place], options);
  };
  const command: Setup['run'] = run;
  const begin: Setup['begin'] = (...argv) =>
    sandbox.start(['sh', '-c', ENTER, 'enter', guarded, ...argv], { env: NO_PEERS });
  const start: Setup['start'] = (...options) => begin(PORTREEVE, 'serve', ...options, ...pins, ...state);
  return {
    sandbox,
    run: command,
    apply: async (text) => {
      await sandbox.write('/run/profile', text);
      const outcome = await command('apply @profile');
      assert.equal(outcome.code, 0, outcome.stderr);
      return outcome;
    },
    begin,
    start,
    pins,
    serve: async (...options) => {
      const running = start(...options);
      await running.waitForOutput(/portmap is ready/);
      return running;
    },
  };
}

/** The statements that the doctor suggests for some ports. */
async function advised({ run }: Setup, ports: RegExp, uid?: number): Promise<string[]> {
  const { stdout, stderr } = await run('doctor --all --json', uid);
  assert.notEqual(stdout, '', stderr);
  const { findings } = JSON.parse(stdout) as { findings: { advice: string }[] };
  const statement = new RegExp(`PORT (?:${ports.source}) (?:TCP|UDP) .*`);
  return findings.flatMap(({ advice }) => statement.exec(advice)?.[0] ?? []).toSorted();
}

/** The list, as "refused tcp 111 PORTMAP". */
function refusedIn(stdout: string, port: number): string[] {
  const { sockets } = JSON.parse(stdout) as {
    sockets: { effect: string; protocol: string; port: number; job: string }[];
  };
  return [
    ...new Set(
      sockets
        .filter((each) => each.port === port)
        .map(({ effect, protocol, job }) => `${effect} ${protocol} ${job}`),
    ),
  ].toSorted();
}

for (const port of [111, 2111]) {
  test(`with the doctor's advice about port ${port}, portmap starts again`, async (t) => {
    const at = await setup(t);
    if (!at) return;
    const { run, apply, serve, sandbox } = at;
    const where = port === 111 ? [] : ['--port', `${port}`];
    // There is no guard yet: the daemon binds with the job under which it was started.
    const before = await serve(...where);
    await apply('PORT 2049 TCP NFS\n');
    assert.equal((await run('guard enforce')).code, 0);
    const statements = await advised(at, new RegExp(`${port}`));
    assert.deepEqual(statements, [`PORT ${port} TCP PORTMAP`, `PORT ${port} UDP PORTMAP`]);

    await apply(['PORT 2049 TCP NFS', ...statements, ''].join('\n'));
    assert.deepEqual(await advised(at, new RegExp(`${port}`)), []);
    assert.deepEqual(refusedIn((await run('guard --restarts --json')).stdout, port), []);
    await before.stop();
    const after = await serve(...where);
    const { portmap } = await status(sandbox);
    assert.ok(
      portmap.sockets.some(({ netid, endpoint }) => netid === 'tcp' && endpoint.endsWith(`:${port}`)),
    );
    assert.deepEqual(await advised(at, new RegExp(`${port}`)), []);
    await after.stop();
  });
}

test('a profile that would refuse our next start is reported before and after it is applied', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, serve, sandbox } = at;
  await serve();
  await apply('PORT 2049 TCP NFS\n');
  await run('guard enforce');
  /** The list of each command that predicts the effect of a profile. */
  const dry = async (text: string) => {
    await sandbox.write('/run/new', text);
    const reported = ['apply --dry-run @new', 'obey --dry-run @new', 'profile diff --live @new'].map(
      async (line) => {
        const { stdout } = await run(line);
        const lines = stdout.matchAll(/^(refused {2}(?:tcp|udp)) \S+:111 .* {2}(PORTMAP|ROOT) {2}/gm);
        const words = [...lines].map(([, what = '', job]) => `${what.replace('  ', ' ')} ${job}`);
        return [...new Set(words)].toSorted();
      },
    );
    const [first = [], ...others] = await Promise.all(reported);
    for (const other of others) assert.deepEqual(other, first);
    return first;
  };
  const refused = ['refused tcp PORTMAP', 'refused udp PORTMAP'];
  assert.deepEqual(await dry('PORT 111 TCP ROOT 111 UDP ROOT\n'), refused);
  assert.deepEqual(await dry('PORT 111 TCP PORTMAP 111 UDP PORTMAP\n'), []);
  const restarts = async () => refusedIn((await run('guard --restarts --json')).stdout, 111);
  await apply('PORT 111 TCP ROOT 111 UDP ROOT\n');
  assert.deepEqual(await restarts(), refused);
  await apply('PORT 111 TCP PORTMAP 111 UDP PORTMAP\n');
  assert.deepEqual(await restarts(), []);
});

for (const { port, errno } of [
  { port: 111, errno: 'EACCES' },
  { port: 700, errno: 'EADDRINUSE' },
  { port: 2111, errno: 'EACCES' },
]) {
  test(`a start that the guard refuses port ${port} names guard, job and rule, and is an event`, async (t) => {
    const at = await setup(t);
    if (!at) return;
    const { run, apply, start, serve, sandbox } = at;
    const where = ['--port', `${port}`];
    await apply(`PORT 2049 TCP NFS\n  ${port} TCP ROOT ${port} UDP RESERVED\n`);
    await run('guard enforce');
    const { code, stderr } = await start(...where).ended;
    assert.equal(code, 3);
    const rule = `/run/profile:2: ${port} TCP ROOT`;
    assert.match(stderr, new RegExp(`the guard refuses port ${port}/tcp to the job PORTMAP, by ${rule}\n`));
    assert.doesNotMatch(stderr, /Start it as root/);
    const wanted = [`PORT ${port} TCP PORTMAP`, `PORT ${port} UDP PORTMAP`] as const;
    assert.ok(
      stderr.includes(`${wanted[0]}; ${wanted[1]}, instead of the entry at /run/profile:2. `),
      stderr,
    );

    // No daemon runs, and none has run since.
    const events = (await run('events --json')).stdout.trim().split('\n');
    assert.equal(events.length, 1);
    const event = JSON.parse(events[0] ?? '');
    assert.deepEqual(
      [event.verdict, event.job, event.port, event.protocol, event.errno, event.rule?.text],
      ['refused', 'PORTMAP', port, 'tcp', errno, `${port} TCP ROOT`],
    );

    await apply(`PORT 2049 TCP NFS\n${wanted.join('\n')}\n`);
    await serve(...where);
    const { portmap } = await status(sandbox);
    assert.ok(portmap.sockets.some(({ endpoint }) => endpoint.endsWith(`:${port}`)));
  });
}

test('a port in use is reported as in use, and a guard in observe mode refuses nothing', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, start, serve } = at;
  await apply('PORT 700 TCP PORTMAP 700 UDP PORTMAP 111 TCP ROOT\n');
  await run('guard enforce');
  const first = await serve('--port', '700');
  const second = await start('--port', '700', '--runtime', '/run/second', '--local', '/run/second.sock')
    .ended;
  assert.match(second.stderr, /127\.0\.0\.1:700\/tcp is in use by portreeve \(pid /);
  await first.stop();
  await run('guard observe');
  await serve();
});

/** The refusals of a port, as "PORTMAP tcp /run/profile:1", once there are any. */
async function refusals({ run }: Setup, port: number): Promise<string[]> {
  const reported = async () => {
    const { stdout } = await run(`events --json --port ${port}`);
    const events =
      stdout === ''
        ? []
        : stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line));
    return events.map(({ job, protocol, rule }) => `${job} ${protocol} ${rule?.file}:${rule?.line}`);
  };
  return until('the event', async () => {
    const events = await reported();
    return events.length > 0 && events;
  });
}

test('a running daemon that is refused another port after SIGHUP reports the rule', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, serve, sandbox } = at;
  // It has no cgroup of its job yet when the guard judges it for the first time.
  const daemon = await serve();
  await apply('PORT 111 TCP PORTMAP 111 UDP PORTMAP 112 TCP RESERVED\n');
  await run('guard enforce');
  const { pid } = await status(sandbox);
  await sandbox.write('/etc/portreeve/portreeve.toml', '[portmap]\nport = 112\n');
  await sandbox.run(['kill', '-HUP', `${pid}`]);
  await daemon.waitForOutput(
    /nothing was changed: the guard refuses port 112\/tcp to the job PORTMAP, by \/run\/profile:1: 112 TCP RES/,
  );
  const { portmap } = await status(sandbox);
  assert.ok(portmap.sockets.every(({ endpoint }) => !endpoint.endsWith(':112')));
  assert.deepEqual(await refusals(at, 112), ['PORTMAP tcp /run/profile:1']);
});

test('where another port is possible it is used, and the refusal is reported all the same', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, serve } = at;
  await apply('PORT 111 TCP ROOT\n');
  await run('guard enforce');
  const daemon = await serve('--fallback');
  assert.match(daemon.output, /the guard refuses port 111\/tcp to the job PORTMAP, by \/run\/profile:1/);
  assert.match(daemon.output, /:7111/);
  assert.deepEqual(await refusals(at, 111), ['PORTMAP tcp /run/profile:1']);
});

/** Holds 127.0.0.1:PORT in one of several ways and prints that, or ends with the errno of bind(2). */
const HOLDER = `
import array, errno, os, signal, socket, sys
how, port = sys.argv[1], int(sys.argv[2])
kind = socket.SOCK_DGRAM if how == 'inetd' else socket.SOCK_STREAM
family = socket.AF_INET6 if how == 'v6' else socket.AF_INET
s = socket.socket(family, kind)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(('::1' if how == 'v6' else '127.0.0.1', port))
except OSError as e:
    sys.exit(errno.errorcode[e.errno])
if kind == socket.SOCK_STREAM:
    s.listen()
if how == 'dropped':
    os.setresuid(65534, 65534, 65534)
if how in ('inetd', 'passed'):
    near, far = socket.socketpair()
    if os.fork() == 0:
        near.close()
        os.setresuid(65534, 65534, 65534)
        if how == 'passed':
            s.close()
            fds = array.array('i')
            _, got, _, _ = far.recvmsg(1, socket.CMSG_SPACE(fds.itemsize))
            fds.frombytes(got[0][2])
        print('holds', flush=True)
        far.recv(1)
        sys.exit()
    far.close()
    if how == 'passed':
        near.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [s.fileno()]))])
        s.close()
    os.wait()
print('holds', flush=True)
signal.pause()
`;

const AS_NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

test("the doctor's advice about other holders makes them start again, and permits no other job", async (t) => {
  if (!needs(t, probe.command('python3'), probe.command('setpriv'))) return;
  const at = await setup(t);
  if (!at) return;
  const { run, apply, begin, serve } = at;
  const python = (how: string, port: number) => ['python3', '-c', HOLDER, how, `${port}`];
  const holders: readonly (readonly string[])[] = [
    python('plain', 8080),
    [...AS_NOBODY, ...python('plain', 8081)],
    python('dropped', 8082),
    python('inetd', 8083),
    python('passed', 8084),
    [PORTREEVE, 'run', '--job', 'WEB-1.x', '--', ...python('plain', 8085)],
    [...AS_NOBODY, ...python('plain', 8086)],
    python('v6', 8086),
  ];
  // A daemon assigns jobs, and it has its ports already when the guard is installed.
  await serve();
  const startAll = async () => {
    const started = holders.map((argv) => begin(...argv));
    for (const each of started) await each.waitForOutput(/holds\n/);
    return started;
  };
  const first = await startAll();
  await apply('PORT 2049 TCP NFS\n');
  await run('guard enforce');
  const statements = await advised(at, /80[0-9]+/);
  assert.deepEqual(statements, [
    'PORT 8080 TCP ROOT',
    'PORT 8081 TCP NOBODY',
    'PORT 8082 TCP ROOT',
    'PORT 8083 UDP ROOT',
    'PORT 8084 TCP ROOT',
    'PORT 8085 TCP WEB-1.X',
    'PORT 8086 TCP NOBODY 8086 TCP ROOT',
  ]);
  // A user who may not read other users' processes gets the same report for a job in its cgroup.
  const seenByOther = await advised(at, /80[0-9]+/, 4711);
  assert.deepEqual(seenByOther, statements);
  await apply(`${statements.join('\n')}\n`);
  for (const each of first) await each.stop('SIGKILL');
  await startAll();
  for (const [uid, port] of [
    [[], 8081],
    [AS_NOBODY, 8082],
    [[], 8085],
  ] as const) {
    const other = await begin(...uid, ...python('plain', port)).ended;
    assert.equal(other.stderr, 'EACCES\n');
  }
});

test('a daemon of a user is refused like the user, and not referred to root', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { sandbox, apply, run, begin, pins } = at;
  await apply('PORT 2111 TCP PORTMAP 2112 TCP NOBODY 2112 UDP NOBODY\n');
  await run('guard enforce');
  await sandbox.run(['mkdir', '-m', '777', '/run/own']);
  const serve = (port: number) => {
    const own = `/run/own/${port}`;
    const place = ['--state', own, '--runtime', `${own}.run`, '--local', `${own}.sock`];
    return begin(...AS_NOBODY, PORTREEVE, 'serve', '--port', `${port}`, ...place, ...pins);
  };
  const { code, stderr } = await serve(2111).ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /permission denied: uid 65534 may not open 127\.0\.0\.1:2111\/tcp\n/);
  assert.match(stderr, /a guard or a security module denies it\. To find out: portreeve explain 2111\/tcp/);
  const twin = serve(2112);
  await twin.waitForOutput(/portmap is ready/);
  await twin.stop();
});

test('another port mapper is not stopped if we would not get its port', async (t) => {
  const peers = await bringPeers();
  if (!needs(t, peers.probe())) return;
  const at = await setup(t, peers);
  if (!at) return;
  const { sandbox, apply, run, begin, pins } = at;
  const rpcbind = sandbox.start(['rpcbind', '-f']);
  await until('rpcbind to answer', async () => (await sandbox.run(['rpcinfo', '-s'])).code === 0);
  const takeOver = () => begin(PORTREEVE, 'portmap', 'take-over', ...pins);
  await sandbox.write('/run/usual', 'PORT 111 TCP ROOT 111 UDP PORTMAP\n');
  // The daemon uses the default state directory here.
  assert.equal((await sandbox.run([PORTREEVE, 'apply', '/run/usual', ...pins], { env: NO_PEERS })).code, 0);
  await apply('PORT 111 TCP ROOT 111 UDP PORTMAP\n');
  await run('guard enforce');
  const { code, stderr } = await takeOver().ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /the guard refuses port 111\/tcp to the job PORTMAP, by \/run\/(?:usual|profile):1/);
  assert.equal(rpcbind.outcome, undefined);
  assert.equal((await sandbox.run(['rpcinfo', '-s'])).code, 0);
  await run('guard observe');
  await takeOver().waitForOutput(/portmap is ready/);
  await rpcbind.ended;
});
