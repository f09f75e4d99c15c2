// Servers that hold ports when the rules change are reported, continue, and are not listed after a restart.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NO_PEERS, PORTREEVE } from '../support/daemon.ts';
import { guardReady } from '../support/guard.ts';
import { ownCgroup } from '../support/own-cgroup.ts';
import { needs, probe } from '../support/probe.ts';
import { type Outcome, type Running, Sandbox } from '../support/sandbox.ts';

const NOBODY = 65534;

/** Holds a TCP port of 127.0.0.1 and prints its pid, or ends with the errno of bind(2). */
const SERVER = `
import errno, os, signal, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind((sys.argv[2], int(sys.argv[1])))
except OSError as e:
    sys.exit(errno.errorcode[e.errno])
s.listen()
print('pid', os.getpid(), flush=True)
signal.pause()
`;
const CLIENT = 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))';

const ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';
const AS_NOBODY = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

interface Setup {
  readonly sandbox: Sandbox;
  /** The path of the guard's cgroup below the root of the hierarchy. */
  readonly cgroup: string;
  /** Runs a command, optionally after a prefix; `@name` is a profile in the sandbox. */
  readonly run: (line: string, through?: readonly string[]) => Promise<Outcome>;
  /** Writes a profile and applies it. */
  readonly apply: (name: string, text: string) => Promise<Outcome>;
  /** Starts a server of the user nobody, in the guard's cgroup or next to it. */
  readonly start: (
    port: number,
    options?: { readonly isOutside?: boolean; readonly address?: string },
  ) => Running;
  /** The list of `guard --restarts`: "refused 8080". */
  readonly listed: () => Promise<string[]>;
}

async function setup(t: TestContext): Promise<Setup | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3')) || !needs(t, probe.command('setpriv'))) return;
  let run: Setup['run'] | undefined;
  t.after(() => run?.('guard off'));
  const sandbox = await Sandbox.open(t);
  const directory = ownCgroup(t);
  const guarded = join(directory, 'guarded');
  mkdirSync(guarded);
  const place = ['--pins', `/sys/fs/bpf/${basename(directory)}`, '--state', '/run/state'];
  run = (line, through = []) => {
    const words = line.split(' ').map((word) => word.replace(/^@/, '/run/'));
    const where = /^guard (?:enforce|observe)/.test(line) ? ['--cgroup', guarded] : [];
    return sandbox.run([...through, PORTREEVE, ...words, ...where, ...place], { env: NO_PEERS });
  };
  const command: Setup['run'] = run;
  return {
    sandbox,
    cgroup: `/${basename(directory)}/guarded`,
    run,
    apply: async (name, text) => {
      await sandbox.write(`/run/${name}`, text);
      return command(`apply @${name}`);
    },
    start: (port, { isOutside = false, address = '127.0.0.1' } = {}) => {
      const argv = [...AS_NOBODY, 'python3', '-c', SERVER, `${port}`, address];
      return sandbox.start(['sh', '-c', ENTER, 'enter', isOutside ? directory : guarded, ...argv]);
    },
    listed: async () => {
      const { sockets } = JSON.parse((await command('guard --restarts --json')).stdout);
      return sockets.map(({ effect, port }: { effect: string; port: number }) => `${effect} ${port}`);
    },
  };
}

async function pidOf(server: Running): Promise<string> {
  const [, pid = ''] = await server.waitForOutput(/pid ([0-9]+)\n/);
  return pid;
}

test('a server that new rules refuse is reported with its owner and the rule, and keeps running', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { sandbox, run, apply, start, listed, cgroup } = at;
  await apply('first', 'PORT 8080 TCP NOBODY 8081 TCP NOBODY\n');
  assert.equal((await run('guard enforce')).code, 0);
  const [refused, twin, outside] = [start(8080), start(8081), start(8082, { isOutside: true })];
  const [pid] = [await pidOf(refused), await pidOf(twin), await pidOf(outside)];
  assert.deepEqual(await listed(), []);
  assert.equal((await run('guard --restarts')).code, 0);

  const second = 'PORT\n  8080 TCP OTHER\n  8081 TCP NOBODY\n  8082 TCP RESERVED\n';
  await sandbox.write('/run/second', second);
  const dry = await run('apply @second --dry-run');
  const owner = `python3 \\(pid ${pid}\\)  ${cgroup}  nobody  NOBODY`;
  const line = `refused  tcp 127\\.0\\.0\\.1:8080  ${owner}  /run/second:2  EACCES: .*NOBODY`;
  assert.match(
    dry.stdout,
    new RegExp(`WHY\\n${line}\\nopen sockets: 1 would be refused\\nwould be recorded`),
  );
  assert.deepEqual(await listed(), []);
  const applied = await apply('second', second);
  const reported = 'open sockets \\(none was closed\\): 1 violates the rules';
  assert.match(applied.stdout, new RegExp(`the kernel enforces it\\n\\n.*WHY\\n${line}\\n${reported}\\n$`));

  const { code, stdout } = await run('guard --restarts --json');
  assert.equal(code, 1);
  const { revision, sockets, ...counts } = JSON.parse(stdout);
  assert.deepEqual([revision, counts.refused, counts.restart], [2, 1, 0]);
  const [{ rule, processes, errno, reason, uid, user, cgroup: its, job }] = sockets;
  assert.deepEqual(
    [rule.file, rule.line, errno, reason],
    ['/run/second', 2, 'EACCES', 'RESERVED_FOR_OTHERS'],
  );
  assert.deepEqual([`${processes[0].pid}`, uid, user, its, job], [pid, NOBODY, 'nobody', cgroup, 'NOBODY']);
  assert.match(
    (await run('guard')).stdout,
    /\nsockets {3}1 violates the rules: portreeve guard --restarts\n/,
  );
  assert.equal((await sandbox.run(['python3', '-c', CLIENT, '8080'])).code, 0, 'it continues');

  await refused.stop();
  assert.equal((await start(8080).ended).stderr, 'EACCES\n');
  assert.deepEqual(await listed(), []);
  assert.doesNotMatch((await run('guard')).stdout, /--restarts/);
});

test('a property that only bind(2) gives needs a restart of servers from before the guard or the rules', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, start, listed, sandbox } = at;
  await apply('first', 'PORT 8080 TCP NOBODY SHAREPORT 8081 TCP NOBODY\n');
  const early = start(8080);
  await pidOf(early);
  assert.doesNotMatch((await run('guard observe')).stdout, /--restarts/);
  const observed = start(8081);
  await pidOf(observed);
  const enforced = await run('guard enforce');
  assert.match(enforced.stdout, /\nrestart {2}tcp 127\.0\.0\.1:8080 .* \/run\/first:1 {2}gains SHAREPORT\n/);
  assert.match(enforced.stdout, /\nopen sockets \(none was closed\): 1 needs a restart\n$/);
  await early.stop();
  const late = start(8080);
  await pidOf(late);
  assert.deepEqual(await listed(), []);
  assert.equal((await run('guard enforce')).code, 0);
  assert.deepEqual(await listed(), [], 'enforced since then, not since now');

  await sandbox.run(['ip', 'address', 'add', '192.0.2.7', 'dev', 'lo']);
  const everywhere = start(8082, { address: '0.0.0.0' });
  await pidOf(everywhere);
  const second = 'PORT 8080 TCP NOBODY SHAREPORT 8081 TCP NOBODY 8082 TCP NOBODY BIND 192.0.2.7\n';
  const applied = await apply('second', second);
  assert.match(
    applied.stdout,
    /\nrestart {2}tcp 0\.0\.0\.0:8082 .*address 192\.0\.2\.7 instead of 0\.0\.0\.0\n/,
  );
  assert.deepEqual(await listed(), ['restart 8082']);
  await everywhere.stop();
  await pidOf(start(8082, { address: '0.0.0.0' }));
  assert.deepEqual(await listed(), []);
  await apply('third', 'PORT 8080 TCP NOBODY 8081 TCP NOBODY 8082 TCP NOBODY\n');
  assert.deepEqual(
    await listed(),
    ['restart 8080', 'restart 8082'],
    'they have properties that they would not get',
  );
});

test('in observe mode, what would be refused is listed; it is unknown in another network namespace', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { run, apply, start, listed } = at;
  assert.match((await run('guard --restarts')).stdout, /^the guard is off/);
  await apply('first', 'PORT 8080 TCP RESERVED 8081 TCP *\n');
  await run('guard observe');
  await Promise.all([8080, 8081].map((port) => pidOf(start(port))));
  assert.deepEqual(await listed(), ['refused 8080']);
  const enforced = await run('guard enforce');
  assert.match(enforced.stdout, /\nrefused {2}tcp 127\.0\.0\.1:8080 .*EACCES: reserved for no one\n/);
  const elsewhere = await run('guard --restarts', ['unshare', '--net']);
  assert.equal(elsewhere.code, 3);
  assert.match(elsewhere.stderr, /the guard does not cover this network namespace/);
});
