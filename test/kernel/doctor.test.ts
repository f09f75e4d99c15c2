/** What the doctor says on the real kernel: each finding of a world that is sick of it, and none of its twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../src/doctor/core/findings/checks/all.ts';
import { GROUPS } from '../support/doctor/groups.ts';
import { DoctorSandbox, portsFound } from '../support/doctor/sandbox.ts';

for (const { name, sick, reported, well } of GROUPS) {
  const codes = CODES.filter((code) => reported[code] !== undefined);

  test(`${name}: ${codes.join(', ')}`, async (t) => {
    const sandbox = await DoctorSandbox.open(t, sick);
    if (sandbox === undefined) return;
    const said = await sandbox.examine(...(sick.doctor ?? []));
    const found = Object.fromEntries(codes.map((code) => [code, portsFound(said, code)]));
    assert.deepEqual(found, reported, JSON.stringify(said.findings, undefined, 1));
    assert.deepEqual(said.unknown, []);
    const isSevere = said.findings.some(({ severity }) => severity !== 'info');
    assert.equal(said.code, isSevere ? 1 : 0);
  });

  test(`${name}: nothing of that where all is well`, async (t) => {
    const sandbox = await DoctorSandbox.open(t, well);
    if (sandbox === undefined) return;
    const said = await sandbox.examine(...(well.doctor ?? []));
    const found = codes.filter((code) => portsFound(said, code).length > 0);
    assert.deepEqual(found, [], JSON.stringify(said.findings, undefined, 1));
  });
}

test('every code of the catalogue is told of some world', () => {
  const reported = new Set(GROUPS.flatMap((group) => Object.keys(group.reported)));
  assert.deepEqual(
    CODES.filter((code) => !reported.has(code)),
    [],
  );
});

test('a host that nobody has set up has nothing', async (t) => {
  const sandbox = await DoctorSandbox.open(t, {});
  if (sandbox === undefined) return;
  assert.deepEqual(await sandbox.examine(), { code: 0, findings: [], suppressed: 0, unknown: [] });
});

test('who is not root is told as much as he may see, and what he may not', async (t) => {
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
    found.seen,
    /^a program of user root listens on 127\.0\.0\.1:40030\/tcp, \/etc\/services calls the port app/,
  );
  assert.equal(unknown.length, 2);
  assert.match(unknown[1], /^cannot read \/etc\/exports: /);
  assert.match(unknown[0], /^the sockets of \d+ process(?:es)?, which did not let us look/);
});
