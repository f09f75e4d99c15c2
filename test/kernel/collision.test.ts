/** `portreeve demo collision`: a client takes the port of a server unnoticed; a reserved port is never assigned. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PID_MAX } from '../../src/base/limits.ts';
import { parseDecimal } from '../../src/base/port.ts';
import { PORTREEVE, ROOT } from '../support/daemon.ts';
import { needs, type Probe, probe } from '../support/probe.ts';
import { until } from '../support/sandbox.ts';

const DEMO = ['demo', 'collision'];
/** Ten thousand connections take a second or two. */
const TIMEOUT_MS = 90_000;
const NOBODY = 65_534;

const SETTINGS = ['ip_local_port_range', 'ip_local_reserved_ports'].map(
  (name) => `/proc/sys/net/ipv4/${name}`,
);
const settings = () => SETTINGS.map((file) => readFileSync(file, 'utf8'));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Demo {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(t: Pick<TestContext, 'after'>, wrapper: readonly string[], args: readonly string[]) {
    const [command = '', ...others] = [...wrapper, PORTREEVE, ...DEMO, ...args];
    this.child = spawn(command, others, { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => this.child.kill('SIGKILL'));
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.ended = once(this.child, 'close').then(([code]) => ({
      code,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }
}

/** Checks the output of the demonstration and its order. */
function assertDemonstrated({ code, stdout, stderr }: Ended, connections: number): void {
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, '');
  const [collision = '', reserved = ''] = stdout.split(/^Without a reservation, .*\n/m);
  const [whileOpen = '', afterwards = ''] = collision.split(/^The client closes .*\n/m);
  assert.match(whileOpen, /ip_local_port_range = 40000 40063\n/);
  for (const part of [whileOpen, afterwards]) assert.match(part, /^A server on port 40030: EADDRINUSE$/m);
  assert.match(
    whileOpen,
    /^could not tell whether 40030\/tcp can be bound \(probably not\): in use by demo-client \(pid \d+\)/m,
  );
  assert.match(whileOpen, /^held by +ESTABLISHED 127\.0\.0\.1:40030 to 127\.0\.0\.1:7000: demo-client/m);
  assert.match(afterwards, /^held by +TIME_WAIT .*: no process, (60|5\d) s left$/m);
  const hits = [...reserved.matchAll(/^ {2}run \d: connection (\d+)$/gm)];
  assert.equal(hits.length, 5);
  assert.ok(hits.every(([, count = '']) => parseDecimal(count, 64) !== undefined));
  assert.match(reserved, /^ {2}net\.ipv4\.ip_local_reserved_ports = 40030$/m);
  assert.match(
    reserved,
    new RegExp(`^${connections} connections were assigned \\d+ different ports, 40030 never\\.$`, 'm'),
  );
  assert.match(reserved, /^A server on port 40030: listens$/m);
}

test('a client blocks the port of a server, and none of 10,000 does after it is reserved', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'))) return;
  const before = settings();
  const demo = new Demo(t, [], []);
  const timer = setTimeout(() => demo.child.kill('SIGKILL'), TIMEOUT_MS);
  const ended = await demo.ended;
  clearTimeout(timer);
  assertDemonstrated(ended, 10_000);
  assert.deepEqual(settings(), before);
});

/** Replaces what differs in each run. */
function normalized(line: string): string {
  return line
    .replace(/pid \d+/, 'pid N')
    .replace(/connection \d+/, 'connection N')
    .replace(/\d+ s left/, 'N s left')
    .replace(/\d+ different/, 'N different');
}

test('docs/doctor.md shows the output of the demonstration', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'), probe.command('ss'))) return;
  const page = readFileSync(join(ROOT, 'docs/doctor.md'), 'utf8');
  const example = /^```console\n\$ portreeve demo collision\n([\s\S]*?)^```$/m.exec(page)?.[1];
  const lines = (example ?? assert.fail('no example')).trimEnd().split('\n').map(normalized);
  const { stdout } = await new Demo(t, [], []).ended;
  let rest = stdout.split('\n').map(normalized);
  for (const line of lines) {
    assert.ok(rest.includes(line), `${line} does not come in its place`);
    rest = rest.slice(rest.indexOf(line) + 1);
  }
});

test('ss shows no listener on the port', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'), probe.command('ss'))) return;
  const { stdout } = await new Demo(t, [], ['--connections', '1']).ended;
  const table = /^\$ ss -ltn\n([\s\S]*?)\n\n/m.exec(stdout)?.[1] ?? '';
  assert.match(table, /127\.0\.0\.1:7000/);
  assert.doesNotMatch(table, /40030/);
});

/** Whether an unprivileged user can create a network namespace. */
function userNamespaces(): Probe {
  const wanted = ['unshare', '--user', '--map-root-user', '--net', 'true'];
  const { status } = spawnSync('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', ...wanted]);
  return status === 0 ? { ok: true } : { ok: false, reason: 'needs unprivileged user namespaces' };
}

test('an unprivileged user can run it', async (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'), userNamespaces())) return;
  const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  assertDemonstrated(await new Demo(t, wrapper, ['--connections', '100']).ended, 100);
});

/** A process and its descendants, each with its network namespace; without those that end during the call. */
function processTree(pid: number): { readonly pid: number; readonly network: string }[] {
  try {
    const network = readlinkSync(`/proc/${pid}/ns/net`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const others = children.flatMap((digits) => parseDecimal(digits, PID_MAX) ?? []).flatMap(processTree);
    return [{ pid, network }, ...others];
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`leaves no process behind when ${signal} ends it`, async (t) => {
    if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'))) return;
    const demo = new Demo(t, [], []);
    await until('the client to have the port', () => /^A client connects/m.test(demo.stdout));
    const processes = processTree(demo.child.pid ?? assert.fail('no process'));
    assert.equal(new Set(processes.map(({ network }) => network)).size, 2);
    demo.child.kill(signal);
    await once(demo.child, 'exit');
    await until('all of it to have ended', () => processes.every(({ pid }) => !existsSync(`/proc/${pid}`)));
  });
}

test('reports that no network namespace can be created', () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(ROOT, 'src/main.ts'), ...DEMO], {
    env: { PATH: '/nonexistent' },
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /^portreeve: error\[\w+\]: cannot create a network namespace: .*ENOENT\n/);
});

test('rejects an invalid number of connections', () => {
  for (const connections of ['0', '-1', '100001', '1e3']) {
    const { status, stderr } = spawnSync(PORTREEVE, [...DEMO, '--connections', connections], {
      encoding: 'utf8',
    });
    assert.equal(status, 2, stderr);
  }
});
