/** Refusals of the kernel are reported as they happen, with identity, port and reason; in a flood, no count is lost. */

import assert from 'node:assert/strict';
import { mkdtempSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { GuardEvent } from '../../src/base/guard-event.ts';
import { exactNumber } from '../../src/base/numbers.ts';
import { REFUSALS } from '../../src/guard/bpf/layout.ts';
import type { EventArchive } from '../../src/guard/core/event-archive.ts';
import { BPFFS } from '../../src/host/linux/bpffs.ts';
import { LinuxBpf } from '../../src/host/linux/kernel-bpf.ts';
import { NO_PEERS, PORTREEVE, portreeve, serve } from '../support/daemon.ts';
import { ALICE, FILE, onFixture, PROFILE, reportDelays, TCP4 } from '../support/event-fixture.ts';
import { type GuardFixture, guardReady, jobsOf } from '../support/guard.ts';
import { isRemoved } from '../support/removed.ts';
import { inTime, Sandbox, until } from '../support/sandbox.ts';

const BINDER = join(import.meta.dirname, '../support/binder.ts');

const allIn = (archive: EventArchive): GuardEvent[] => archive.read({ after: 0, limit: 100_000 });

const sumOf = (events: readonly GuardEvent[]): number => events.reduce((sum, { count }) => sum + count, 0);

/** The first events, once there are this many. */
function eventsIn(archive: EventArchive, count: number): Promise<GuardEvent[]> {
  return until(`${count} events`, () => {
    const events = allIn(archive);
    return events.length >= count && events;
  });
}

/** Tries to bind port 4000 under another name, and remains. */
const GRABBER = `
  process.title = 'grabber';
  require('node:net').createServer().on('error', ({ code }) => console.log(code)).listen(4000, '0.0.0.0');
  setInterval(() => {}, 1000);`;

describe('a refusal', () => {
  test('is reported with user, job, program, port, time and statement', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record } = await onFixture(t);
    record();
    const before = Date.now();
    const running = fixture.start([process.execPath, '-e', GRABBER], { uid: ALICE });
    await running.waitForOutput(/^EACCES\n/);
    const [event] = await eventsIn(archive, 1);
    assert.ok(event && event.timeMs >= before - 1 && event.timeMs <= Date.now() + 1);
    const { timeMs: _timeMs, ...reported } = event;
    assert.deepEqual(reported, {
      number: 1,
      kind: 'bind',
      count: 1,
      verdict: 'refused',
      reason: 'RESERVED_FOR_OTHERS',
      job: 'ALICE',
      uid: ALICE,
      user: 'alice',
      pid: await running.pid(),
      command: 'grabber',
      protocol: 'tcp',
      address: '0.0.0.0',
      port: 4000,
      errno: 'EACCES',
      revision: 1,
      rule: { file: FILE, line: 2, text: '4000 TCP WEB' },
    });
    await running.stop('SIGKILL');
  });

  test('is reported for IPv6, UDP and mapped addresses, and what is allowed is not', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, bind } = await onFixture(t);
    record();
    const web = fixture.below('web');
    fixture.inForce(PROFILE, { cgroups: [[web, 'WEB']], users: [[0, 'ROOT']] });
    await bind([TCP4], { cgroup: web });
    await bind([
      { socket: 'tcp4', address: '127.0.0.1', port: 5000 },
      { socket: 'tcp6', address: '::1', port: 4000 },
      { socket: 'udp4', address: '127.0.0.1', port: 4001 },
      { socket: 'tcp6', address: '::ffff:127.0.0.1', port: 4000 },
    ]);
    const events = await eventsIn(archive, 3);
    assert.deepEqual(
      events.map(({ protocol, address, port, reason, rule }) => [
        protocol,
        address,
        port,
        reason,
        rule?.line,
      ]),
      [
        ['tcp', '::1', 4000, 'RESERVED_FOR_OTHERS', 2],
        ['udp', '127.0.0.1', 4001, 'RESERVED_FOR_NO_ONE', 3],
        ['tcp', '::ffff:127.0.0.1', 4000, 'RESERVED_FOR_OTHERS', 2],
      ],
    );
  });

  test('has the job of the cgroup, even after that is gone, else that of the user, else UNKNOWN', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, bind, memory } = await onFixture(t);
    const mail = fixture.below('mail.service');
    const users = [[ALICE, 'ALICE']] as const;
    memory.observe(jobsOf(fixture.bpf, { users, cgroups: [[mail, 'MAIL']] }));
    fixture.inForce(PROFILE, { users, cgroups: [[mail, 'MAIL']] });
    await bind([TCP4], { cgroup: mail });
    await bind([TCP4], { cgroup: fixture.below('deep', fixture.below('inner', mail)) });
    memory.observe(jobsOf(fixture.bpf, { users }));
    await bind([TCP4], { uid: ALICE });
    await bind([TCP4], { uid: 4711 });
    record();
    const events = await eventsIn(archive, 4);
    assert.deepEqual(
      events.map(({ job, uid }) => [job, uid]),
      [
        ['MAIL', 0],
        ['MAIL', 0],
        ['ALICE', ALICE],
        ['UNKNOWN', 4711],
      ],
    );
  });

  test('has the user by which it was judged, even if the unit is known when it is read', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, bind, memory } = await onFixture(t);
    const web = fixture.below('web.service');
    const users = [[ALICE, 'ALICE']] as const;
    fixture.inForce(PROFILE, { users });
    await bind([TCP4], { cgroup: web, uid: ALICE });
    memory.observe(jobsOf(fixture.bpf, { users, cgroups: [[web, 'WEB']] }));
    record();
    const [event] = await eventsIn(archive, 1);
    assert.deepEqual([event?.job, event?.rule?.line], ['ALICE', 2]);
    fixture.inForce(PROFILE, { users, cgroups: [[web, 'WEB']] });
    const { stdout } = await bind([TCP4], { cgroup: web, uid: ALICE });
    assert.equal(JSON.parse(stdout).bound[0].error, null);
  });

  test('is only observed in observe mode', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, bind } = await onFixture(t);
    record();
    fixture.kernel.setMode('observe');
    const { stdout } = await bind([TCP4]);
    assert.equal(JSON.parse(stdout).bound[0].error, null);
    const [event] = await eventsIn(archive, 1);
    assert.deepEqual([event?.verdict, event?.errno, event?.rule?.line], ['observed', 'EACCES', 2]);
    fixture.kernel.setMode('enforce');
    const again = await bind([TCP4]);
    assert.equal(JSON.parse(again.stdout).bound[0].error, 'EACCES');
    const events = await eventsIn(archive, 2);
    assert.equal(events[1]?.verdict, 'refused');
  });
});

test('a client that follows events has the line of each refusal before the next one', async (t) => {
  if (!guardReady(t)) return;
  assert.equal((await reportDelays(t, 10)).length, 10);
});

/** How many binds the kernel has refused. */
function refusedIn(fixture: GuardFixture): number {
  const { counters } = fixture.kernel.state();
  return REFUSALS.reduce((sum, refusal) => sum + exactNumber(counters[refusal]), 0);
}

describe('in a flood', () => {
  const TRIES = 20_000;

  test('no count is lost, and few are recorded individually', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, flood } = await onFixture(t);
    const events = record();
    assert.equal(await flood({ ports: [4000], tries: TRIES }), TRIES);
    events.stop();
    assert.equal(refusedIn(fixture), TRIES);
    assert.equal(sumOf(allIn(archive)), TRIES);
    assert.ok(allIn(archive).length < 100);
  });

  test('no count is lost over many ports either, and few are recorded individually', async (t) => {
    if (!guardReady(t)) return;
    const { fixture, archive, record, flood } = await onFixture(t);
    fixture.inForce('PORTRANGE 10000 5000 TCP RESERVED\n');
    const events = record();
    const ports = Array.from({ length: 5000 }, (_, i) => 10_000 + i);
    assert.equal(await flood({ ports, tries: TRIES }), TRIES);
    events.stop();
    assert.equal(refusedIn(fixture), TRIES);
    assert.equal(sumOf(allIn(archive)), TRIES);
    assert.ok(allIn(archive).length < 1000);
  });
});

test('what happened while no daemon recorded it is counted, and reported as far as it was kept', async (t) => {
  if (!guardReady(t)) return;
  const { fixture, archive, record, bind, flood } = await onFixture(t);
  await bind([TCP4]);
  const tries = 5000;
  assert.equal(await flood({ ports: [4000], tries }), tries);
  await bind([{ socket: 'udp4', address: '127.0.0.9', port: 4001 }]);
  const before = Date.now();
  const first = record();
  await eventsIn(archive, 1);
  first.stop();
  const events = allIn(archive);
  assert.equal(sumOf(events), refusedIn(fixture));
  assert.ok(events[0] && events[0].timeMs < before);
  assert.ok(events.some(({ kind, count }) => kind === 'lost' && count > 1000));
  assert.ok(
    events.some(({ address }) => address === '127.0.0.9'),
    'the newest is kept',
  );
  // Another one finds nothing more.
  const second = record();
  await bind([{ ...TCP4, address: '127.0.0.2' }]);
  await until('another event', () => allIn(archive).some(({ address }) => address === '127.0.0.2'));
  second.stop();
  assert.equal(sumOf(allIn(archive)), refusedIn(fixture));
});

/** Two users, of which only one is in the group that may see all events. */
const BOB = 1001;
const GROUP = 998;
const PASSWD = `root:x:0:0::/:/bin/sh\nalice:x:${ALICE}:${ALICE}::/:/bin/sh\nbob:x:${BOB}:${BOB}::/:/bin/sh\n`;

/** A sandbox with a daemon and its own guard; returns a function that runs commands there. */
async function withDaemon(t: TestContext) {
  const cgroup = mkdtempSync(join(new LinuxBpf().cgroupRoot(), 'portreeve-guard-'));
  const place = ['--pins', join(BPFFS, basename(cgroup))];
  const state = ['--state', '/run/state'];
  let sandbox: Sandbox | undefined;
  t.after(() => sandbox && portreeve(sandbox, ['guard', 'off', ...place, ...state]));
  sandbox = await Sandbox.open(t, {
    files: { '/etc/passwd': PASSWD, '/etc/group': `portreeve:x:${GROUP}:bob\n`, '/run/profile': PROFILE },
  });
  t.after(() => until('the cgroup to go', () => isRemoved(cgroup)));
  const made = sandbox;
  const root = async (...args: string[]) => {
    const { code, stdout, stderr } = await portreeve(made, [...args, ...place, ...state]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await root('apply', '/run/profile');
  await root('guard', 'enforce', '--cgroup', cgroup);
  const bind = (uid: number) =>
    made.run([
      ...['sh', '-c', 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"', 'enter', cgroup],
      ...['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'],
      ...[process.execPath, BINDER, JSON.stringify({ binds: [TCP4] })],
    ]);
  /** The uids in the events that a user sees. */
  const seenBy = async (uid: number, gid: number = uid): Promise<number[]> => {
    const who = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
    const { stdout, stderr } = await made.run([...who, PORTREEVE, 'events', '--json'], { env: NO_PEERS });
    assert.equal(stderr, '');
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).uid]));
  };
  return { sandbox, bind, seenBy, daemon: () => serve(made, [...place, ...state]) };
}

test('the daemon records earlier and later events, and each user sees only their own', async (t) => {
  if (!guardReady(t)) return;
  const { sandbox, bind, seenBy, daemon } = await withDaemon(t);
  await bind(ALICE);
  const running = await daemon();
  const following = sandbox.start([PORTREEVE, 'events', '--follow', '--since', 'today'], { env: NO_PEERS });
  await following.waitForOutput(/ refused +ALICE .* 4000\/tcp .*\/run\/profile:2\n/);
  const pipe = `${PORTREEVE} events --follow --since today | head -n 2`;
  const piped = sandbox.start(['sh', '-c', pipe], { env: NO_PEERS });
  await piped.waitForOutput(/ALICE/);
  await bind(BOB);
  // No process reads its output now, so it ends.
  assert.equal((await inTime('the pipe to end', piped.ended)).code, 0);
  await following.waitForOutput(/ refused +BOB .* 4000\/tcp .*\/run\/profile:2\n/);
  assert.deepEqual(await seenBy(0), [ALICE, BOB]);
  assert.deepEqual(await seenBy(ALICE), [ALICE]);
  assert.deepEqual(await seenBy(BOB), [BOB]);
  assert.deepEqual(await seenBy(BOB, GROUP), [ALICE, BOB]);
  const { mode, uid, gid } = statSync(sandbox.path('/run/state/events.db'));
  assert.deepEqual([mode & 0o777, uid, gid], [0o640, 0, GROUP]);
  // A new daemon continues where the first was killed.
  await running.stop('SIGKILL');
  assert.equal((await inTime('the follower to end', following.ended)).code, 3);
  await bind(ALICE);
  await daemon();
  assert.deepEqual(await seenBy(0), [ALICE, BOB, ALICE]);
});
