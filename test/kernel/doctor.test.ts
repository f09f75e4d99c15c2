/** What the doctor says on the real kernel: each finding of a world that is sick of it, and none of its twin. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../src/doctor/core/findings/checks/all.ts';
import { GROUPS } from '../support/doctor/groups.ts';
import { DoctorWorld, portsFound } from '../support/doctor/world.ts';

for (const { name, sick, told, well } of GROUPS) {
  const codes = CODES.filter((code) => told[code] !== undefined);

  test(`${name}: ${codes.join(', ')}`, async (t) => {
    const world = await DoctorWorld.open(t, sick);
    if (world === undefined) return;
    const said = await world.examine(...(sick.doctor ?? []));
    const found = Object.fromEntries(codes.map((code) => [code, portsFound(said, code)]));
    assert.deepEqual(found, told, JSON.stringify(said.findings, undefined, 1));
    assert.deepEqual(said.untold, []);
    const isGrave = said.findings.some(({ severity }) => severity !== 'info');
    assert.equal(said.code, isGrave ? 1 : 0);
  });

  test(`${name}: nothing of that where all is well`, async (t) => {
    const world = await DoctorWorld.open(t, well);
    if (world === undefined) return;
    const said = await world.examine(...(well.doctor ?? []));
    const found = codes.filter((code) => portsFound(said, code).length > 0);
    assert.deepEqual(found, [], JSON.stringify(said.findings, undefined, 1));
  });
}

test('every code of the catalogue is told of some world', () => {
  const told = new Set(GROUPS.flatMap((group) => Object.keys(group.told)));
  assert.deepEqual(
    CODES.filter((code) => !told.has(code)),
    [],
  );
});

test('a host that nobody has set up has nothing', async (t) => {
  const world = await DoctorWorld.open(t, {});
  if (world === undefined) return;
  assert.deepEqual(await world.examine(), { code: 0, findings: [], suppressed: 0, untold: [] });
});

test('who is not root is told as much as he may see, and what he may not', async (t) => {
  const world = await DoctorWorld.open(t, {
    files: { '/etc/services': '# Local services\napp 40030/tcp\n', '/etc/exports': '/srv *\n' },
    agents: [{ sockets: [{ do: 'listen', at: '127.0.0.1:40030' }] }],
  });
  if (world === undefined) return;
  await world.world.run(['chmod', '600', '/etc/exports']);
  const { stdout, stderr, code } = await world.doctor(['--json'], { uid: 4711 });
  const { findings, untold } = JSON.parse(stdout);
  assert.equal(stderr, '');
  assert.equal(code, 1);
  const [found, ...others] = findings;
  assert.deepEqual(others, []);
  assert.equal(found.code, 'SERVICE_EPHEMERAL');
  assert.match(
    found.seen,
    /^a program of user root listens on 127\.0\.0\.1:40030\/tcp, \/etc\/services calls the port app/,
  );
  assert.equal(untold.length, 2);
  assert.match(untold[1], /^cannot read \/etc\/exports: /);
  assert.match(untold[0], /^the sockets of \d+ process(?:es)?, which did not let us look/);
});
