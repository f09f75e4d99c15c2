/** `portreeve explain` for real sockets of another program in each state, as root and as another user. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORTREEVE, portreeve, serve } from '../support/daemon.ts';
import { needs, probe } from '../support/probe.ts';
import { type RunOptions, Sandbox } from '../support/sandbox.ts';

/** A program that holds ports in several states until its standard input is closed. */
const HOLDER = `
import socket, sys, time
def tcp(family, *address):
    one = socket.socket(family)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind(address)
    return one
listener = tcp(socket.AF_INET, '0.0.0.0', 8080)
listener.listen()
local = tcp(socket.AF_INET6, '::1', 8081)
local.listen()
bound = tcp(socket.AF_INET, '0.0.0.0', 8082)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(('127.0.0.1', 8083))
client = tcp(socket.AF_INET, '127.0.0.1', 8084)
client.connect(('127.0.0.1', 8080))
accepted, _ = listener.accept()
ended = tcp(socket.AF_INET, '127.0.0.1', 8085)
ended.connect(('127.0.0.1', 8080))
other, _ = listener.accept()
ended.close()
other.close()
print('ready', flush=True)
sys.stdin.read()`;

async function open(t: Parameters<typeof Sandbox.open>[0] & { skip(reason: string): void }) {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.command('python3'))) return undefined;
  const sandbox = await Sandbox.open(t);
  const holder = sandbox.start(['sh', '-c', 'sleep 1000 | exec python3 -c "$0"', HOLDER]);
  await holder.waitForOutput(/ready/);
  return sandbox;
}

interface Reported {
  readonly code: number | null;
  readonly answer: {
    readonly available: string;
    readonly cause: string;
    readonly why: string;
    readonly freeInMs: number | null;
  };
  readonly free: readonly string[];
  readonly unknown: readonly string[];
}

async function explained(sandbox: Sandbox, what: string, options: RunOptions = {}): Promise<Reported> {
  const { code, stdout, stderr } = await portreeve(sandbox, ['explain', what, '--json'], options);
  assert.equal(stderr, '');
  const [{ answer, binds, unknown }] = JSON.parse(stdout).explanations;
  const free = binds.filter(({ plain }: { plain: string }) => plain === 'free');
  const addresses = free.map(
    ({ address, family }: { address: string | null; family: number }) => address ?? `other IPv${family}`,
  );
  return { code, answer, unknown, free: addresses };
}

test('reports the holder of a port, and the state of its socket', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const cases: readonly (readonly [what: string, code: number, cause: string, why: RegExp])[] = [
    ['8080/tcp', 1, 'LISTENING', /^in use by python3\S* \(pid \d+\)$/],
    ['8081/tcp', 1, 'LISTENING', /^in use by python3\S* \(pid \d+\) at \[::1\]:8081$/],
    ['8082/tcp', 3, 'BOUND', /^in use by python3\S* \(pid \d+\), bound but not listening$/],
    ['8083/udp', 1, 'LISTENING', /^in use by python3\S* \(pid \d+\) at 127\.0\.0\.1:8083$/],
    ['8084/tcp', 3, 'CONNECTED', /^in use by python3\S* \(pid \d+\), connected to 127\.0\.0\.1:8080$/],
    [
      '8085/tcp',
      3,
      'WAITING',
      /^in use by a closed connection to 127\.0\.0\.1:8080 for (60|5\d) s more \(TIME_WAIT\)$/,
    ],
    ['8083/tcp', 0, 'FREE', /^free$/],
  ];
  for (const [what, code, cause, why] of cases) {
    const { code: found, answer } = await explained(sandbox, what);
    assert.deepEqual([what, found, answer.cause], [what, code, cause]);
    assert.match(answer.why, why);
  }
  const { answer } = await explained(sandbox, '8085/tcp');
  assert.ok(answer.freeInMs !== null && answer.freeInMs > 45_000 && answer.freeInMs <= 60_000);
  assert.deepEqual((await explained(sandbox, '8081/tcp')).free, [
    '0.0.0.0',
    '127.0.0.1',
    'other IPv4',
    'other IPv6',
  ]);
});

test('another user sees the user of the socket, what is unknown, and the missing capability', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const { code, answer, unknown } = await explained(sandbox, '8080/tcp', { uid: 65_534 });
  assert.equal(code, 1);
  assert.match(answer.why, /^in use by a program of user root/);
  assert.match(unknown.join(), /owner unknown: .*; run as root to see all owners$/);
  const low = await explained(sandbox, '81/tcp', { uid: 65_534 });
  assert.deepEqual([low.code, low.answer.cause], [1, 'PRIVILEGED']);
  assert.equal((await explained(sandbox, '81/tcp')).code, 0);
});

/** Binds 81/tcp and prints the result. */
const BIND = `
import socket
try:
    socket.socket().bind(('0.0.0.0', 81))
    print('bound')
except PermissionError:
    print('denied')`;

test('root of a user namespace has no privilege in a network that is not its own', async (t) => {
  const wrapper = ['unshare', '--user', '--map-root-user'];
  const needed = [probe.root(), probe.netns(), probe.command('ip'), probe.command('python3')];
  if (!needs(t, ...needed, probe.command('unshare'))) return;
  const sandbox = await Sandbox.open(t);
  for (const [more, bound, answer] of [
    [[], 'denied', ': permission denied'],
    [['--net'], 'bound', ' is free'],
  ] as const) {
    const inside = [...wrapper, ...more];
    assert.equal((await sandbox.run([...inside, 'python3', '-c', BIND])).stdout.trim(), bound);
    const { stdout } = await sandbox.run([...inside, PORTREEVE, 'explain', '81/tcp']);
    assert.match(stdout, new RegExp(`^81/tcp${answer}`));
  }
});

test('the proposed command ends a connection in TIME_WAIT', async (t) => {
  if (!needs(t, probe.command('ss'))) return;
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const { stdout } = await portreeve(sandbox, ['explain', '8085/tcp']);
  const command = /as root, end it now: (ss .*)/.exec(stdout)?.[1] ?? assert.fail(stdout);
  const ended = await sandbox.run(command.split(' '));
  if (!ended.stdout.includes('8085')) return t.skip('needs CONFIG_INET_DIAG_DESTROY');
  assert.equal((await explained(sandbox, '8085/tcp')).answer.cause, 'FREE');
});

test('shows the statement of an applied profile, and that the guard is off', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  await sandbox.write('/run/profile.tcpip', 'PORT 9000 TCP WEB\n');
  const applied = await portreeve(sandbox, ['apply', '/run/profile.tcpip']);
  assert.equal(applied.code, 0, applied.stderr);
  const { code, stdout } = await portreeve(sandbox, ['explain', '9000/tcp']);
  assert.equal(code, 0);
  assert.match(stdout, /^profile {3}9000 TCP WEB \(\/run\/profile\.tcpip:1\)\n {10}the guard is off$/m);
});

test('shows registrations with the port mapper, and leaves no socket behind', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.command('ss'))) return;
  const sandbox = await Sandbox.open(t);
  await serve(sandbox);
  const set = await portreeve(sandbox, ['portmap', 'set', 'mountd', '3', 'tcp', '8080']);
  assert.equal(set.code, 0, set.stderr);
  const sockets = async () => (await sandbox.run(['ss', '-Htuan'])).stdout;
  const before = await sockets();
  const { stdout } = await portreeve(sandbox, ['explain', '8080/tcp']);
  assert.match(stdout, /^RPC {7}mountd \(100005\) version 3 at 0\.0\.0\.0:8080, registered by \S+$/m);
  assert.equal(await sockets(), before);
});
