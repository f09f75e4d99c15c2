/** What the doctor mends on the real kernel: shown and nothing done, done and no longer found, and taken back. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { DoctorSandbox, type Health } from '../support/doctor/sandbox.ts';

const BLACKLIST = '/etc/bindresvport.blacklist';
const BOOT = '/etc/sysctl.d/zz-portreeve-doctor.conf';
const RESERVED = 'ip_local_reserved_ports';

const SICK: Health = {
  files: {
    '/etc/services': 'app 40001/tcp\n',
    [BLACKLIST]: '631\n',
    '/etc/sysctl.d/a.conf': `net.ipv4.${RESERVED} = 50000\n`,
  },
  settings: { [RESERVED]: '50000' },
  registered: ['100024 1 tcp 790'],
  profile: 'PORT 40002 UDP APP\n',
  agents: [
    { sockets: [{ do: 'listen', at: '0.0.0.0:790' }], args: ['statd'] },
    { sockets: [{ do: 'listen', at: '0.0.0.0:853' }], args: ['unbound'] },
    { sockets: [{ do: 'listen', at: '0.0.0.0:40000' }], args: ['--port=40000'] },
  ],
};

/** The settings and files that may be changed. */
async function stateOf(doctor: DoctorSandbox): Promise<readonly (string | undefined)[]> {
  const { sandbox } = doctor;
  const boot = existsSync(sandbox.path(BOOT)) ? await sandbox.read(BOOT) : undefined;
  return [await doctor.setting(RESERVED), await sandbox.read(BLACKLIST), boot];
}

const mendable = async (doctor: DoctorSandbox): Promise<string[]> =>
  (await doctor.examine()).findings.flatMap(({ code, fix }) => (fix ? [code] : []));

test('what is shown is done, nothing that could be mended is left, and all of it is taken back', async (t) => {
  const doctor = await DoctorSandbox.open(t, SICK);
  if (doctor === undefined) return;
  const found = await stateOf(doctor);
  assert.deepEqual(found, ['50000', '631\n', undefined]);
  assert.deepEqual(await mendable(doctor), [
    'RESERVATION_EPHEMERAL',
    'RPC_BEFORE_SERVICE',
    'SERVICE_EPHEMERAL',
    'SERVICES_RESERVE_NOTHING',
  ]);

  const shown = await doctor.doctor(['--fix']);
  const list = '40000-40002,50000';
  assert.ok(shown.stdout.includes(`would run: sysctl -w net.ipv4.${RESERVED}=${list}\n`), shown.stdout);
  assert.ok(shown.stdout.includes(`would write ${BOOT}:\n`));
  const again = 'nothing was done; to do it: portreeve doctor --fix --yes --state /run/portreeve-state\n';
  assert.ok(shown.stdout.endsWith(again), shown.stdout);
  assert.deepEqual(await stateOf(doctor), found);

  const done = await doctor.doctor(['--fix', '--yes']);
  assert.deepEqual([done.code, done.stderr], [0, '']);
  const [setting, blacklist, boot] = await stateOf(doctor);
  assert.deepEqual([setting, blacklist], [list, '631\n853\t# node\n']);
  assert.match(boot ?? '', new RegExp(`^net\\.ipv4\\.${RESERVED} = ${list}$`, 'm'));
  assert.deepEqual(await mendable(doctor), []);
  assert.match((await doctor.doctor(['--fix', '--yes'])).stdout, /^nothing that the doctor can mend/);

  const undone = await doctor.doctor(['--undo']);
  assert.deepEqual([undone.code, undone.stderr], [0, '']);
  assert.deepEqual(await stateOf(doctor), found);
  assert.equal((await doctor.doctor(['--undo'])).stdout, 'nothing was to be taken back\n');
});

test('a client is not given what was reserved, and is again when that is taken back', async (t) => {
  const doctor = await DoctorSandbox.open(t, {
    files: { '/etc/services': '# Local services\napp 40000/tcp\n' },
    settings: { ip_local_port_range: '40000 40003' },
    agents: [{ sockets: [{ do: 'listen', at: '127.0.0.1:22000' }] }],
  });
  if (doctor === undefined) return;
  await doctor.must('doctor', '--state', '/run/s', '--fix', '--yes');
  const three = { sockets: [{ do: 'connect', to: '127.0.0.1:22000', times: 3 }] } as const;
  await doctor.start(three);
  const clients = async () =>
    (await doctor.examine()).findings.filter(({ code }) => code === 'CLIENT_ON_PORT').length;
  assert.equal(await clients(), 0);
  await doctor.must('doctor', '--state', '/run/s', '--undo');
  await doctor.start({ sockets: [{ do: 'connect', to: '127.0.0.1:22000' }] });
  assert.equal(await clients(), 1);
});

test('a file that others have changed since is left, and told', async (t) => {
  const doctor = await DoctorSandbox.open(t, SICK);
  if (doctor === undefined) return;
  await doctor.must('doctor', '--state', '/run/portreeve-state', '--fix', '--yes');
  await doctor.sandbox.write(BLACKLIST, '853\n');
  const { code, stderr } = await doctor.doctor(['--undo']);
  assert.deepEqual([code, stderr], [1, `portreeve: ${BLACKLIST} was changed since, and is left as it is\n`]);
  assert.deepEqual(await stateOf(doctor), ['50000', '853\n', undefined]);
});

test('in the tree of another system only files are changed, and nothing of this host', async (t) => {
  const doctor = await DoctorSandbox.open(t, SICK);
  if (doctor === undefined) return;
  const found = await stateOf(doctor);
  await doctor.sandbox.write('/run/tree/etc/services', 'app 40005/tcp\n');
  const { code, stdout } = await doctor.doctor(['--root', '/run/tree', '--fix', '--yes']);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /sysctl -w/);
  assert.deepEqual(await stateOf(doctor), found);
  assert.match(await doctor.sandbox.read(`/run/tree${BOOT}`), / = 40000,40002,40005\n/);
  await doctor.must('doctor', '--state', '/run/portreeve-state', '--root', '/run/tree', '--undo');
  assert.equal(existsSync(doctor.sandbox.path(`/run/tree${BOOT}`)), false);
});

test('what portreeve.toml suppresses is counted, shown on request, and not mended', async (t) => {
  const suppress =
    'suppress = [{ code = "SERVICES_RESERVE_NOTHING", port = 40001, reason = "not installed" }]';
  const doctor = await DoctorSandbox.open(t, {
    files: { '/etc/services': 'app 40001/tcp\n', '/etc/portreeve/portreeve.toml': `[doctor]\n${suppress}\n` },
  });
  if (doctor === undefined) return;
  const { stdout, code } = await doctor.doctor();
  assert.deepEqual([stdout, code], ['nothing was found; 1 suppressed (--all shows them)\n', 0]);
  const all = await doctor.doctor(['--all']);
  assert.match(all.stdout, /\(SERVICES_RESERVE_NOTHING\)\n[\s\S]*\n {2}suppressed: not installed\n/);
  assert.equal(all.code, 0);
  assert.match((await doctor.doctor(['--fix'])).stdout, /^nothing that the doctor can mend/);
});
