// A daemon and guards that other processes install, remove and replace: it follows and records the present one.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GuardEvent } from '../../src/base/guard-event.ts';
import { SqliteEventArchive } from '../../src/guard/linux/event-archive.ts';
import { BPFFS, mountBpffs } from '../../src/host/linux/bpffs.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { NO_PEERS, portreeve, serve, status } from '../support/daemon.ts';
import { guardReady } from '../support/guard.ts';
import { installOlder } from '../support/older-guard.ts';
import { needs, probe } from '../support/probe.ts';
import { isRemoved } from '../support/removed.ts';
import { type Running, Sandbox, until } from '../support/sandbox.ts';

const PROGRAM = join(import.meta.dirname, '../support/job-bind.py');
const ENTER = 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"';
const [WEB, ALICE, BOB] = [1000, 1001, 1002];
const PASSWD = `root:x:0:0::/:/bin/sh\nweb:x:${WEB}:${WEB}::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\n`;
const PROFILE = 'PORT\n 4000 TCP WEB\n 4001 TCP ALICE SHAREPORT\n 4002 TCP BOB\n';

interface Host {
  readonly sandbox: Sandbox;
  readonly cgroup: string;
  readonly pins: string;
  /** Runs a command, which must succeed, and returns its output. */
  readonly run: (...args: string[]) => Promise<string>;
  /** The result of bind(2) of a TCP port for a user in the guarded cgroup. */
  readonly bind: (port: number, uid: number) => Promise<string>;
  readonly daemon: () => Promise<Running>;
  readonly events: () => GuardEvent[];
  readonly bpf: LinuxBpf;
}

/** A sandbox in which a profile was applied, without a guard. */
async function host(t: TestContext): Promise<Host | undefined> {
  if (!guardReady(t) || !needs(t, probe.command('python3'))) return undefined;
  const bpf = new LinuxBpf();
  // The sandbox does not see later mounts.
  const hasMounted = mountBpffs();
  const cgroup = mkdtempSync(join(bpf.cgroupRoot(), 'portreeve-guard-'));
  const pins = join(BPFFS, basename(cgroup));
  const state = mkdtempSync(join(tmpdir(), 'portreeve-daemon-'));
  const place = ['--pins', pins, '--state', state];
  let sandbox: Sandbox | undefined;
  // A daemon that is asked to end removes the cgroup of its own job.
  const daemons: Running[] = [];
  t.after(async () => {
    for (const each of daemons) await each.stop();
  });
  t.after(() => sandbox && portreeve(sandbox, ['guard', 'off', ...place]));
  sandbox = await Sandbox.open(t, {
    files: { '/etc/passwd': PASSWD, '/etc/group': '', '/run/profile': PROFILE },
  });
  t.after(() => until('the cgroup to go', () => isRemoved(cgroup)));
  const made = sandbox;
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await portreeve(made, [...args, ...place]);
    assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  await run('apply', '/run/profile');
  const bind = async (port: number, uid: number) => {
    const words = ['sh', '-c', ENTER, 'enter', cgroup, 'setpriv', `--reuid=${uid}`, `--regid=${uid}`];
    const { stdout, stderr } = await made.run([
      ...words,
      '--clear-groups',
      'python3',
      PROGRAM,
      'plainly',
      `${port}`,
    ]);
    return `${stdout}${stderr}`.trim();
  };
  const archive = new SqliteEventArchive(state);
  t.after(() => {
    archive.close();
    rmSync(state, { recursive: true });
    if (hasMounted) bpf.unmount();
  });
  const events = () => archive.read({ after: 0, limit: 1000 });
  const daemon = async () => {
    const running = await serve(made, place);
    daemons.push(running);
    return running;
  };
  return { sandbox, cgroup, pins, run, bind, daemon, events, bpf };
}

const enforce = ({ run, cgroup }: Host) => run('guard', 'enforce', '--cgroup', cgroup);

const holders = async ({ bind }: Host) => [await bind(4000, WEB), await bind(4000, ALICE)];
const GUARDED = ['ok', 'EACCES'];

/** Which users were refused, in the order of the events. */
const refused = ({ events }: Host) => events().map(({ job, port }) => `${job} ${port}`);

/** A new user appears, and is followed. */
async function comes(at: Host): Promise<void> {
  assert.equal(await at.bind(4002, BOB), 'EACCES');
  await at.sandbox.write('/etc/passwd', `${PASSWD}bob:x:${BOB}:${BOB}::/:/bin/sh\n`);
  await until('bob', async () => (await at.bind(4002, BOB)) === 'ok');
  await at.sandbox.write('/etc/passwd', PASSWD);
  await until('bob to be gone', async () => (await at.bind(4002, BOB)) === 'EACCES');
}

/** The next refusal is recorded, with the job and the statement. */
async function records(at: Host): Promise<void> {
  const before = at.events().at(-1)?.number ?? 0;
  assert.deepEqual(await holders(at), GUARDED);
  const event = await until('the event', () =>
    at.events().find(({ number, job, port }) => number > before && job === 'ALICE' && port === 4000),
  );
  assert.equal(event.rule?.text, '4000 TCP WEB');
}

test('a guard that another process installs, removes and installs again is followed and recorded', async (t) => {
  const at = await host(t);
  if (!at) return;
  await at.daemon();
  assert.deepEqual((await status(at.sandbox)).guard.mode, 'absent');
  for (let round = 0; round < 2; round++) {
    await enforce(at);
    await comes(at);
    await records(at);
    assert.deepEqual((await status(at.sandbox)).guard, {
      ...(await status(at.sandbox)).guard,
      mode: 'enforce',
      revision: 1,
      missing: [],
    });
    assert.equal(await at.run('guard', 'off'), 'the guard is off\n');
    assert.deepEqual(await holders(at), ['ok', 'ok']);
    await until('the daemon to see it', async () => (await status(at.sandbox)).guard.mode === 'absent');
  }
});

test('a guard of an older version is replaced while the daemon runs, and its unread events are recorded', async (t) => {
  const at = await host(t);
  if (!at) return;
  const running = await at.daemon();
  const users = [
    [WEB, 'WEB'],
    [ALICE, 'ALICE'],
  ] as const;
  // It appears with all its names at once, and with an event that no process has read.
  const prepared = { cgroup: at.cgroup, pins: `${at.pins}-prepared` };
  installOlder(at.bpf, prepared, { mode: 'enforce', users, namespaces: [], home: at.sandbox.network });
  assert.equal(await at.bind(4001, WEB), 'EACCES');
  assert.equal(at.bpf.rename(prepared.pins, at.pins), true);
  await running.waitForOutput(/guard: replaced the guard of an older portreeve/);
  await until('the event from before', () => refused(at).includes('WEB 4001'));
  await comes(at);
  await records(at);
  assert.match(await at.run('guard'), /^guard {5}enforces the profile\nprofile {3}revision 1/);
});

test('kill -9 of all processes changes nothing; a new daemon takes over, and records what was missed', async (t) => {
  const at = await host(t);
  if (!at) return;
  await enforce(at);
  const first = await at.daemon();
  await records(at);
  assert.equal(await noneRuns(at.sandbox), false);
  await first.stop('SIGKILL');
  await until('all processes of portreeve to end', () => noneRuns(at.sandbox));
  const reported = refused(at).length;
  assert.deepEqual(await holders(at), GUARDED);
  assert.deepEqual([await at.bind(4001, ALICE), await at.bind(4001, WEB)], ['ok', 'EACCES']);
  assert.equal(refused(at).length, reported);
  const pinned = readdirSync(at.pins);

  await at.daemon();
  await until('what was missed', () => refused(at).length === reported + 2);
  assert.deepEqual(refused(at).slice(reported), ['ALICE 4000', 'WEB 4001']);
  assert.deepEqual(readdirSync(at.pins), pinned);
  await comes(at);
  await records(at);
});

test('a daemon that starts replaces the guard of an older version, and keeps its counters', async (t) => {
  const at = await host(t);
  if (!at) return;
  installOlder(at.bpf, at, {
    mode: 'enforce',
    users: [
      [WEB, 'WEB'],
      [ALICE, 'ALICE'],
    ],
    namespaces: [],
    home: at.sandbox.network,
  });
  assert.deepEqual(await holders(at), GUARDED);
  await at.daemon();
  const { guard } = await status(at.sandbox);
  assert.deepEqual([guard.mode, guard.revision, guard.missing], ['enforce', 1, []]);
  await until('the event from before', () => refused(at).includes('ALICE 4000'));
  assert.match(await at.run('guard'), /binds {5}1 allowed by the profile, 1 not allowed\n/);
  await comes(at);
  await records(at);
});

test('a change of ip_unprivileged_port_start is followed', async (t) => {
  const at = await host(t);
  if (!at) return;
  await at.sandbox.write('/run/profile', 'TCPCONFIG RESTRICTLOWPORTS\n');
  await at.run('apply', '/run/profile');
  await enforce(at);
  await at.daemon();
  assert.deepEqual([await at.bind(600, WEB), await at.bind(600, 0)], ['EACCES', 'ok']);
  // The network belongs to the sandbox. From here on only the guard refuses, with another errno.
  await at.sandbox.run(['sh', '-c', 'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start']);
  await until('the guard to refuse it', async () => (await at.bind(600, WEB)) === 'EADDRINUSE');
  assert.equal(await at.bind(600, 0), 'ok');
});

test('a foreign guard is reported, not changed, and checked again', async (t) => {
  const at = await host(t);
  if (!at) return;
  at.bpf.makeDirectory(at.pins);
  const map = at.bpf.createMap({ type: 'array', name: 'foreign', keyBytes: 4, valueBytes: 4, entries: 1 });
  at.bpf.pin(map, `${at.pins}/config`);
  map.close();
  const running = await at.daemon();
  const { guard } = await status(at.sandbox);
  assert.equal(guard.mode, 'absent');
  assert.match(guard.missing[0] ?? '', /is not portreeve's guard/);
  await running.waitForOutput(
    /could not open the guard in the kernel: what is at .* is not portreeve's guard/,
  );
  at.bpf.removeDirectory(at.pins);
  await enforce(at);
  await records(at);
});

/** Prints portreeve's processes: one that has ended has no command line, and this one does not contain the word. */
const RUNNING = 'grep -lz "portreev[e]" /proc/[0-9]*/cmdline 2>/dev/null; true';

async function noneRuns(sandbox: Sandbox): Promise<boolean> {
  return (await sandbox.run(['sh', '-c', RUNNING], { env: NO_PEERS })).stdout === '';
}
