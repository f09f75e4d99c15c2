/** The real kernel assigns no port of the profile, and its settings are restored when the guard is removed. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PORT_RANGE, RESERVED_PORTS } from '../../src/names/core/kernel-ports.ts';
import { inSandbox, type Step } from '../support/kernel-settings.ts';
import { needs, probe } from '../support/probe.ts';
import { profileOf, type Range } from '../support/range-profiles.ts';
import { Sandbox } from '../support/sandbox.ts';

const READ: readonly Step[] = [RESERVED_PORTS, PORT_RANGE].map((name) => ({ do: 'read', name }));

async function open(t: TestContext): Promise<Sandbox | undefined> {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'))) return undefined;
  return Sandbox.open(t);
}

/** The values after the operations: the reserved ports and the range. */
async function after(sandbox: Sandbox, ...steps: readonly Step[]): Promise<(string | undefined)[]> {
  const results = await inSandbox(sandbox, [...steps, ...READ]);
  for (const { error } of results) assert.equal(error, undefined);
  return results.slice(-2).map(({ value }) => value);
}

/** Listens on ports, 0 for any, and prints the bound ports and the errors. */
const LISTEN = `const { createServer } = require('net');
const listen = (port) => new Promise((done) => {
  const server = createServer().on('error', ({ code }) => done(code));
  server.listen({ port, host: '127.0.0.1' }, () => done(server.address().port));
});
(async () => {
  const got = [];
  for (const port of process.argv.slice(1)) got.push(await listen(Number(port)));
  console.log(got.join(' '));
  process.exit();
})();`;

async function listen(sandbox: Sandbox, ...ports: readonly number[]): Promise<string> {
  const { stdout, stderr } = await sandbox.run([process.execPath, '-e', LISTEN, ...ports.map(String)]);
  assert.equal(stderr, '');
  return stdout.trim();
}

// PORTRANGE: ports that are reserved are not assigned by the stack.
test('a reserved port is not assigned, and can be requested by its number', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const ephemeral: Range = [40_000, 40_009];
  const profile = profileOf({
    tcp: [[40_000, 40_003]],
    udp: [[40_004, 40_008]],
    tcpEphemeral: ephemeral,
    udpEphemeral: ephemeral,
  });
  const [applied] = await inSandbox(sandbox, [{ do: 'apply', profile }]);
  assert.deepEqual(applied?.notes, ['CLIENT_PORTS_FEW']);
  assert.equal(await listen(sandbox, 0, 0, 40_002), '40009 EADDRINUSE 40002');
  assert.deepEqual(await after(sandbox, { do: 'restore' }), ['', '32768\t60999']);
  assert.notEqual(await listen(sandbox, 0, 0), '40009 EADDRINUSE');
});

test("other programs' ports in the list are kept, including concurrent changes", async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const write = (value: string): Step => ({ do: 'write', name: RESERVED_PORTS, value });
  const apply = (...tcp: readonly Range[]): Step => ({ do: 'apply', profile: profileOf({ tcp }) });
  const reserved = async (...steps: readonly Step[]) => (await after(sandbox, ...steps))[0];
  assert.equal(await reserved(write('8080,9148'), apply([80, 81], [443, 443])), '80-81,443,8080,9148');
  // Each run is a separate process, which knows only what is recorded.
  assert.equal(await reserved(write('80-81,443,7000,9148'), apply([80, 80])), '80,7000,9148');
  assert.equal(await reserved({ do: 'restore' }), '7000,9148');
});

test('a list of many pages is written and restored', async (t) => {
  const sandbox = await open(t);
  if (sandbox === undefined) return;
  const odd = Array.from({ length: 15_000 }, (_, index): Range => [2 * index + 20_001, 2 * index + 20_001]);
  const even = odd.slice(0, 12_000).map(([port]) => port + 1);
  const found = even.filter((port) => port % 4 === 0).join(',');
  assert.ok(found.length > 16_384);
  const write: Step = { do: 'write', name: RESERVED_PORTS, value: found };
  const [both = ''] = await after(sandbox, write, { do: 'apply', profile: profileOf({ udp: odd }) });
  assert.ok(both.length > 65_536);
  assert.ok(both.startsWith('20001,20003-20005,20007-20009,'));
  const [restored] = await after(sandbox, { do: 'restore' });
  assert.ok(restored === found, 'the list is not the one that was found');
});
