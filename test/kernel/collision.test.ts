/** The collision: a client keeps a server from its port and nothing shows it; reserved, no client is given the port. */

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

/** What the demonstration shows in the order in which it does. */
function holdTheStory({ code, stdout, stderr }: Ended, connections: number): void {
  assert.equal(code, 0, stdout + stderr);
  assert.equal(stderr, '');
  const [mystery = '', cure = ''] = stdout.split(/^Without a reservation .*\n/m);
  const [whileOpen = '', afterwards = ''] = mystery.split(/^The client ends .*\n/m);
  assert.match(whileOpen, /ip_local_port_range = 40000 40063\n/);
  for (const part of [whileOpen, afterwards]) assert.match(part, /^A server on port 40030: EADDRINUSE$/m);
  assert.match(whileOpen, /^40030\/tcp is probably taken: demo-client \(pid \d+\) has it for a connection/m);
  assert.match(whileOpen, /^held by +ESTABLISHED 127\.0\.0\.1:40030 to 127\.0\.0\.1:7000: demo-client/m);
  assert.match(afterwards, /^held by +TIME_WAIT .*: nobody any more, (60|5\d) s left$/m);
  const hits = [...cure.matchAll(/^ {2}run \d: connection (\d+) has it$/gm)];
  assert.equal(hits.length, 5);
  assert.ok(hits.every(([, count = '']) => parseDecimal(count, 64) !== undefined));
  assert.match(cure, /^ {2}net\.ipv4\.ip_local_reserved_ports = 40030$/m);
  assert.match(
    cure,
    new RegExp(`^${connections} connections got \\d+ different ports: 40030 is none of them\\.$`, 'm'),
  );
  assert.match(cure, /^A server on port 40030: it listens$/m);
}

test('a client keeps a server from its port, and of 10,000 none does once it is reserved', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'))) return;
  const before = settings();
  const demo = new Demo(t, [], []);
  const timer = setTimeout(() => demo.child.kill('SIGKILL'), TIMEOUT_MS);
  const ended = await demo.ended;
  clearTimeout(timer);
  holdTheStory(ended, 10_000);
  assert.deepEqual(settings(), before);
});

/** What is another each time. */
function unchanging(line: string): string {
  return line
    .replace(/pid \d+/, 'pid N')
    .replace(/connection \d+/, 'connection N')
    .replace(/\d+ s left/, 'N s left')
    .replace(/\d+ different/, 'N different');
}

test('the page of the doctor tells what it prints', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'), probe.command('ss'))) return;
  const page = readFileSync(join(ROOT, 'docs/doctor.md'), 'utf8');
  const reported = /^```console\n\$ portreeve demo collision\n([\s\S]*?)^```$/m.exec(page)?.[1];
  const lines = (reported ?? assert.fail('no example')).trimEnd().split('\n').map(unchanging);
  const { stdout } = await new Demo(t, [], []).ended;
  let rest = stdout.split('\n').map(unchanging);
  for (const line of lines) {
    assert.ok(rest.includes(line), `${line} does not come in its place`);
    rest = rest.slice(rest.indexOf(line) + 1);
  }
});

test('ss shows nobody who listens on the port', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'), probe.command('ss'))) return;
  const { stdout } = await new Demo(t, [], ['--connections', '1']).ended;
  const table = /^\$ ss -ltn\n([\s\S]*?)\n\n/m.exec(stdout)?.[1] ?? '';
  assert.match(table, /127\.0\.0\.1:7000/);
  assert.doesNotMatch(table, /40030/);
});

/** Whether somebody without any privilege may make a network namespace. */
function userNamespaces(): Probe {
  const wanted = ['unshare', '--user', '--map-root-user', '--net', 'true'];
  const { status } = spawnSync('setpriv', [`--reuid=${NOBODY}`, '--clear-groups', ...wanted]);
  return status === 0 ? { ok: true } : { ok: false, reason: 'needs user namespaces for who is not root' };
}

test('a user without privileges can see it as well', async (t) => {
  if (!needs(t, probe.root(), probe.command('setpriv'), userNamespaces())) return;
  const wrapper = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  holdTheStory(await new Demo(t, wrapper, ['--connections', '100']).ended, 100);
});

/** A process and all that it has started, with the network of each; without what ends meanwhile. */
function family(pid: number): { readonly pid: number; readonly network: string }[] {
  try {
    const network = readlinkSync(`/proc/${pid}/ns/net`);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const others = children.flatMap((digits) => parseDecimal(digits, PID_MAX) ?? []).flatMap(family);
    return [{ pid, network }, ...others];
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw thrown;
  }
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`nothing is left of one that ${signal} ends`, async (t) => {
    if (!needs(t, probe.root(), probe.netns(), probe.command('setpriv'))) return;
    const demo = new Demo(t, [], []);
    await until('the client to have the port', () => /^A client connects/m.test(demo.stdout));
    const processes = family(demo.child.pid ?? assert.fail('no process'));
    assert.equal(new Set(processes.map(({ network }) => network)).size, 2);
    demo.child.kill(signal);
    await once(demo.child, 'exit');
    await until('all of it to have ended', () => processes.every(({ pid }) => !existsSync(`/proc/${pid}`)));
  });
}

test('where no network can be made it says so', () => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(ROOT, 'src/main.ts'), ...DEMO], {
    env: { PATH: '/nonexistent' },
    encoding: 'utf8',
  });
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /^portreeve: error\[\w+\]: cannot create a network namespace: .*ENOENT\n/);
});

test('a number of connections that cannot be is refused', () => {
  for (const connections of ['0', '-1', '100001', '1e3']) {
    const { status, stderr } = spawnSync(PORTREEVE, [...DEMO, '--connections', connections], {
      encoding: 'utf8',
    });
    assert.equal(status, 2, stderr);
  }
});
