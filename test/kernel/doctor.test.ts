/** The findings of the doctor on the real kernel, in sandboxes with and without each problem. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../src/doctor/core/findings/checks/all.ts';
import { GROUPS } from '../support/doctor/groups.ts';
import { DoctorSandbox, portsFound } from '../support/doctor/sandbox.ts';

for (const { name, faulty, reported, clean } of GROUPS) {
  const codes = CODES.filter((code) => reported[code] !== undefined);

  test(`${name}: ${codes.join(', ')}`, async (t) => {
    const sandbox = await DoctorSandbox.open(t, faulty);
    if (sandbox === undefined) return;
    const output = await sandbox.examine(...(faulty.doctor ?? []));
    const found = Object.fromEntries(codes.map((code) => [code, portsFound(output, code)]));
    assert.deepEqual(found, reported, JSON.stringify(output.findings, undefined, 1));
    assert.deepEqual(output.unknown, []);
    const isSevere = output.findings.some(({ severity }) => severity !== 'info');
    assert.equal(output.code, isSevere ? 1 : 0);
  });

  test(`${name}: no such finding on a host without these problems`, async (t) => {
    const sandbox = await DoctorSandbox.open(t, clean);
    if (sandbox === undefined) return;
    const output = await sandbox.examine(...(clean.doctor ?? []));
    const found = codes.filter((code) => portsFound(output, code).length > 0);
    assert.deepEqual(found, [], JSON.stringify(output.findings, undefined, 1));
  });
}

test('the groups cover every finding code', () => {
  const reported = new Set(GROUPS.flatMap((group) => Object.keys(group.reported)));
  assert.deepEqual(
    CODES.filter((code) => !reported.has(code)),
    [],
  );
});

test('a host in its default configuration has no findings', async (t) => {
  const sandbox = await DoctorSandbox.open(t, {});
  if (sandbox === undefined) return;
  assert.deepEqual(await sandbox.examine(), { code: 0, findings: [], suppressedCount: 0, unknown: [] });
});

test('without root, reports what is visible, and what could not be read', async (t) => {
  const sandbox = await DoctorSandbox.open(t, {
    files: { '/etc/services': '# Local services\napp 40030/tcp\n', '/etc/exports': '/srv *\n' },
    agents: [{ sockets: [{ do: 'listen', at: '127.0.0.1:40030' }] }],
  });
  if (sandbox === undefined) return;
  await sandbox.sandbox.run(['chmod', '600', '/etc/exports']);
  const { stdout, stderr, code } = await sandbox.doctor(['--json'], { uid: 4711 });
  const { findings, unknown } = JSON.parse(stdout);
  assert.equal(stderr, '');
  assert.equal(code, 1);
  const [found, ...others] = findings;
  assert.deepEqual(others, []);
  assert.equal(found.code, 'SERVICE_EPHEMERAL');
  assert.match(
    found.what,
    /^a program of user root listens on 127\.0\.0\.1:40030\/tcp, \/etc\/services assigns the port to app/,
  );
  assert.equal(unknown.length, 2);
  assert.match(unknown[1], /^cannot read \/etc\/exports: /);
  assert.match(unknown[0], /^the owners of some sockets: \d+ process(?:es)? could not be read$/);
});
