/** Tests `portreeve serve`: how it starts, which errors prevent that, and how it ends. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRunning, PORTREEVE, portreeve, ROOT, serve, startLoad, status } from '../support/daemon.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox, type SandboxOptions } from '../support/sandbox.ts';

async function sandbox(
  t: Parameters<typeof needs>[0] & Parameters<typeof Sandbox.open>[0],
  options: SandboxOptions = {},
) {
  return needs(t, probe.root(), probe.netns()) ? Sandbox.open(t, options) : undefined;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends all processes with exit code 0, also under load`, async (t) => {
    const at = await sandbox(t);
    if (at === undefined) return;
    const running = await serve(at);
    const { portmap } = await status(at);
    const load = await startLoad(at);
    const { code } = await running.stop(signal);
    assert.equal(code, 0);
    assert.equal(await isRunning(at, portmap.pid), false);
    // Only these files are left, for the next start.
    const left = 'portmap.log.0\nportmap.log.1\nportreeve.lock\n';
    assert.equal((await at.run(['ls', '/run/portreeve'])).stdout, left);
    assert.notEqual((await at.run(['test', '-e', '/run/rpcbind.sock'])).code, 0);
    await load.stop();
  });
}

/** Prints each notification, and whether the status socket exists then. */
const HEAR = `import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/run/notify")
print("listening", flush=True)
while True:
    print(s.recv(100).decode(), os.path.exists("/run/portreeve/status.sock"), flush=True)`;

test('the service manager is notified when the sockets are open, and when it stops', async (t) => {
  if (!needs(t, probe.command('python3'))) return;
  const at = await sandbox(t);
  if (at === undefined) return;
  const manager = at.start(['python3', '-c', HEAR]);
  await manager.waitForOutput(/listening/);
  const running = await serve(at, [], { env: { NOTIFY_SOCKET: '/run/notify' } });
  await manager.waitForOutput(/^READY=1 True$/m);
  assert.doesNotMatch(manager.output, /STOPPING/);
  await running.stop();
  await manager.waitForOutput(/^STOPPING=1 /m);
  assert.equal(manager.output.match(/READY=1/g)?.length, 1);
});

/** Prints the answer to GET /metrics. */
const SCRAPE = `require('node:http')
  .get({ socketPath: '/run/portreeve/status.sock', path: '/metrics' }, (response) => response.pipe(process.stdout))`;

test('every user can read the metrics', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  await serve(at);
  assert.equal((await portreeve(at, ['portmap', 'list', '127.0.0.1'])).code, 0);
  const { stdout } = await at.run([process.execPath, '-e', SCRAPE], { uid: 1000 });
  const words = new Set([...stdout.matchAll(/^# TYPE portreeve_([a-z]+)_/gm)].map(([, word]) => word));
  assert.deepEqual([...words], ['guard', 'portmap', 'sockets', 'lease']);
  assert.match(stdout, /^portreeve_portmap_running 1$/m);
  assert.match(stdout, /^portreeve_portmap_calls_total\{version="4",procedure="DUMP"\} 1$/m);
  const { portmap } = await status(at);
  assert.match(stdout, new RegExp(`^portreeve_portmap_registrations ${portmap.mappings}$`, 'm'));
});

test('a second daemon is refused with the pid of the first', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  await serve(at);
  const { pid } = await status(at);
  const second = await portreeve(at, ['serve']);
  assert.equal(second.code, 3);
  assert.match(second.stderr, new RegExp(`already running \\(pid ${pid}\\)`));
  assert.equal((await status(at)).pid, pid);
});

test('with a port in use, serve fails with its holder, and npm start uses another port', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  const program = "require('net').createServer().listen(111, '127.0.0.1', () => console.log(process.pid))";
  const other = at.start([process.execPath, '-e', program]);
  const [pid] = await other.waitForOutput(/\d+/);
  const refused = await portreeve(at, ['serve']);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, new RegExp(`127\\.0\\.0\\.1:111/tcp is in use by node \\(pid ${pid}\\)`));
  const fallback = await serve(at, ['--fallback']);
  assert.match(fallback.output, new RegExp(`is in use by node \\(pid ${pid}\\).*another port instead`));
  const endpoints = (await status(at)).portmap.sockets.map(({ endpoint }) => endpoint);
  assert.ok(endpoints.includes('127.0.0.1:7111'));
  assert.ok(endpoints.includes('/run/portreeve/rpcbind.sock'));
  assert.equal((await portreeve(at, ['portmap', 'list', '127.0.0.1:7111'])).code, 0);
  // The control: once the port is free, it is used.
  await fallback.stop();
  await other.stop();
  assert.ok((await serve(at)).output.includes('127.0.0.1:111'));
});

test('the socket file of a killed daemon is replaced, that of a running one never', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  const killed = await serve(at);
  await killed.stop('SIGKILL');
  assert.equal((await at.run(['test', '-S', '/run/rpcbind.sock'])).code, 0);
  const running = await serve(at);
  assert.equal((await portreeve(at, ['portmap', 'list', '/run/rpcbind.sock'])).code, 0);
  const second = await portreeve(at, [
    'serve',
    '--runtime',
    '/run/second',
    '--port',
    '1111',
    '--local',
    '/run/rpcbind.sock',
  ]);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /rpcbind/);
  const third = await portreeve(at, [
    'serve',
    '--runtime',
    '/run/third',
    '--port',
    '1111',
    '--local',
    '/run/portreeve/status.sock',
  ]);
  assert.equal(third.code, 3);
  assert.match(third.stderr, /\/run\/portreeve\/status\.sock is in use by portreeve \(pid \d+\)/);
  assert.equal((await portreeve(at, ['portmap', 'list', '/run/rpcbind.sock'])).code, 0);
  assert.equal((await running.stop()).code, 0);
});

test('a file in place of the socket is never replaced', async (t) => {
  const at = await sandbox(t, { files: { '/run/rpcbind.sock': 'precious' } });
  if (at === undefined) return;
  const refused = await portreeve(at, ['serve']);
  assert.equal(refused.code, 3);
  assert.equal(await at.read('/run/rpcbind.sock'), 'precious');
});

test('it does not listen beyond loopback while hosts_access(5) has rules for the port mapper', async (t) => {
  const at = await sandbox(t, { files: { '/etc/hosts.deny': 'sshd: ALL\nrpcbind: ALL\n' } });
  if (at === undefined) return;
  const refused = await portreeve(at, ['serve', '--listen', '0.0.0.0']);
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /\/etc\/hosts\.deny has a rule for the port mapper, "rpcbind: ALL"/);
  const loopback = await serve(at);
  await loopback.stop();
  await at.write('/etc/hosts.deny', 'sshd: ALL\n');
  const open = await serve(at, ['--listen', '0.0.0.0']);
  assert.match(open.output, /accepts calls from the network/);
});

test('without root it serves another port and its own socket', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  await at.run(['mkdir', '-m', '0755', '/run/checkout']);
  await at.run(['mount', '--bind', ROOT, '/run/checkout']);
  const user = { uid: 1000, env: { XDG_RUNTIME_DIR: '/run/user' } };
  await at.run(['install', '-d', '-o', '1000', '-m', '0700', '/run/user']);
  const command = (...args: string[]) => [PORTREEVE.replace(ROOT, '/run/checkout'), ...args];
  const denied = await at.run(command('serve'), user);
  assert.equal(denied.code, 3);
  assert.match(denied.stderr, /permission denied: uid 1000 may not open 127\.0\.0\.1:111\/tcp/);
  const running = at.start(command('serve', '--port', '1111'), user);
  await running.waitForOutput(/portmap is ready/);
  const list = await at.run(command('portmap', 'list', '127.0.0.1:1111'), user);
  assert.equal(list.code, 0);
  assert.match(list.stdout, /\/run\/user\/portreeve\/rpcbind\.sock/);
  assert.equal((await running.stop()).code, 0);
});

test('invalid options and settings are errors with a suggestion', async (t) => {
  const at = await sandbox(t, { files: { '/etc/bad.toml': '[portmap]\nlisten = ["::1"]\nprot = 112\n' } });
  if (at === undefined) return;
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['--port', '65536'], /"65536" is not a port/],
    [['--port', '0x6f'], /"0x6f" is not a port/],
    [['--port', '0'], /"0" is not a port/],
    [['--local', 'rpcbind.sock'], /"rpcbind\.sock" is not a valid path/],
    [['--local', 'rpcbind.sock'], /"rpcbind\.sock" is not a valid path/],
    [['--config', '/etc/none.toml'], /there is no file \/etc\/none\.toml/],
    [['--config', '/etc/bad.toml'], /"portmap\.prot" is not a setting; did you mean "port"/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await portreeve(at, ['serve', ...args]);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, message);
  }
  await at.write('/etc/good.toml', '[portmap]\nlisten = ["::1"]\nport = 1112\n');
  const running = await serve(at, ['--config', '/etc/good.toml']);
  assert.ok(running.output.includes('[::1]:1112'));
});

test('a requested address that this host does not have is an error', async (t) => {
  const at = await sandbox(t);
  if (at === undefined) return;
  const { code, stderr } = await portreeve(at, ['serve', '--listen', '192.0.2.99']);
  assert.equal(code, 3);
  assert.match(stderr, /this host does not have the address of 192\.0\.2\.99:111\/tcp/);
});
