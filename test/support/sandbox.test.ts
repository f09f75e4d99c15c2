// A sandbox is isolated from the host, and nothing of it remains.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { needs, probe } from './probe.ts';
import { kernelIpv6, Sandbox, type SandboxOptions, until } from './sandbox.ts';

async function open(t: TestContext, options?: SandboxOptions): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'))) return undefined;
  return Sandbox.open(t, options);
}

/** A process that only SIGKILL ends. */
const STUBBORN = ['setsid', 'sh', '-c', 'trap "" TERM HUP INT; echo up; while :; do sleep 1000; done'];

test('a sandbox has its own /etc, /run, and network', async (t) => {
  const sandbox = await open(t, {
    files: { '/etc/portreeve-sandbox': 'inside\n', '/run/portreeve-sandbox': 'inside\n' },
  });
  if (sandbox === undefined) return;
  const { stdout } = await sandbox.run(['cat', '/etc/portreeve-sandbox', '/var/run/portreeve-sandbox']);
  assert.equal(stdout, 'inside\ninside\n');
  assert.ok(!existsSync('/etc/portreeve-sandbox') && !existsSync('/run/portreeve-sandbox'));
  await sandbox.addAddress('192.0.2.1/24', 'net7');
  const { stdout: addresses } = await sandbox.run(['ip', '-4', '-o', 'address']);
  assert.deepEqual(addresses.match(/(?<=inet )\S+/g), ['127.0.0.1/8', '192.0.2.1/24']);
  assert.ok(!existsSync('/sys/class/net/net7'));
});

test('a sandbox can be without IPv6, or without IPv4 addresses', async (t) => {
  const families: [SandboxOptions, string[]][] = [
    [{}, ['127.0.0.1/8', '::1/128']],
    [{ ipv6: false }, ['127.0.0.1/8']],
    [{ ipv4: false }, ['::1/128']],
  ];
  for (const [options, expected] of needs(t, kernelIpv6()) ? families : []) {
    const sandbox = await open(t, options);
    const { stdout } = (await sandbox?.run(['ip', '-o', 'address', 'show', 'lo'])) ?? {};
    assert.deepEqual(stdout?.match(/(?<=inet6? )\S+/g), expected);
  }
});

test('a command has an input, a user, an exit code, and a timeout', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  assert.deepEqual(await sandbox.run(['sh', '-c', 'cat; id -u >&2; exit 7'], { input: 'in', uid: 65534 }), {
    code: 7,
    stdout: 'in',
    stderr: '65534\n',
  });
  await assert.rejects(sandbox.run(['sleep', '1000'], { timeout: 50 }), /sleep 1000 took more than 50 ms/);
});

test('close ends every process', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const running = sandbox.start(STUBBORN);
  await running.waitForOutput(/up/);
  const pid = await running.pid();
  assert.ok(existsSync(`/proc/${pid}`));
  await sandbox.close();
  assert.ok(!existsSync(`/proc/${pid}`));
  assert.equal((await running.ended).stdout, 'up\n');
});

test('so does the end of the process that created the sandbox', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'))) return;
  const script = `
    import { Sandbox } from ${JSON.stringify(import.meta.resolve('./sandbox.ts'))};
    const sandbox = await Sandbox.open({ after() {} });
    const running = sandbox.start(${JSON.stringify(STUBBORN)});
    await running.waitForOutput(/up/);
    console.log('pid ' + await running.pid());`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => owner.kill('SIGKILL'));
  const [printed] = await once(owner.stdout.setEncoding('utf8'), 'data');
  const pid = /^pid (\d+)$/m.exec(printed)?.[1];
  assert.ok(existsSync(`/proc/${pid}`));
  owner.kill('SIGKILL');
  await until(`process ${pid} to end`, () => !existsSync(`/proc/${pid}`));
});
