/** The fixes of the doctor on the real kernel: planned without a change, applied, and undone. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { DoctorSandbox, type HostSetup } from '../support/doctor/sandbox.ts';

const BLACKLIST = '/etc/bindresvport.blacklist';
const BOOT = '/etc/sysctl.d/zz-portreeve-doctor.conf';
const RESERVED = 'ip_local_reserved_ports';

const FAULTY: HostSetup = {
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

/** The settings and files that a fix may change. */
async function stateOf(doctor: DoctorSandbox): Promise<readonly (string | undefined)[]> {
  const { sandbox } = doctor;
  const boot = existsSync(sandbox.path(BOOT)) ? await sandbox.read(BOOT) : undefined;
  return [await doctor.setting(RESERVED), await sandbox.read(BLACKLIST), boot];
}

const fixable = async (doctor: DoctorSandbox): Promise<string[]> =>
  (await doctor.examine()).findings.flatMap(({ code, fix }) => (fix ? [code] : []));

test('applies the planned changes, leaves nothing fixable, and undoes them', async (t) => {
  const doctor = await DoctorSandbox.open(t, FAULTY);
  if (doctor === undefined) return;
  const found = await stateOf(doctor);
  assert.deepEqual(found, ['50000', '631\n', undefined]);
  assert.deepEqual(await fixable(doctor), [
    'RESERVATION_EPHEMERAL',
    'RPC_BEFORE_SERVICE',
    'SERVICE_EPHEMERAL',
    'SERVICES_RESERVE_NOTHING',
  ]);

  const shown = await doctor.doctor(['--fix']);
  const list = '40000-40002,50000';
  assert.ok(shown.stdout.includes(`would run: sysctl -w net.ipv4.${RESERVED}=${list}\n`), shown.stdout);
  assert.ok(shown.stdout.includes(`would write ${BOOT}:\n`));
  const again =
    'nothing was changed; to apply the fixes: portreeve doctor --fix --yes --state /run/portreeve-state\n';
  assert.ok(shown.stdout.endsWith(again), shown.stdout);
  assert.deepEqual(await stateOf(doctor), found);

  const done = await doctor.doctor(['--fix', '--yes']);
  assert.deepEqual([done.code, done.stderr], [0, '']);
  const [setting, blacklist, boot] = await stateOf(doctor);
  assert.deepEqual([setting, blacklist], [list, '631\n853\t# node\n']);
  assert.match(boot ?? '', new RegExp(`^net\\.ipv4\\.${RESERVED} = ${list}$`, 'm'));
  assert.deepEqual(await fixable(doctor), []);
  assert.match((await doctor.doctor(['--fix', '--yes'])).stdout, /^there is nothing that the doctor can fix/);

  const undone = await doctor.doctor(['--undo']);
  assert.deepEqual([undone.code, undone.stderr], [0, '']);
  assert.deepEqual(await stateOf(doctor), found);
  assert.equal((await doctor.doctor(['--undo'])).stdout, 'there is nothing to undo\n');
});

test('the kernel does not assign a reserved port to a client until the fix is undone', async (t) => {
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

test('does not restore a file that others changed after the fix, and reports it', async (t) => {
  const doctor = await DoctorSandbox.open(t, FAULTY);
  if (doctor === undefined) return;
  await doctor.must('doctor', '--state', '/run/portreeve-state', '--fix', '--yes');
  await doctor.sandbox.write(BLACKLIST, '853\n');
  const { code, stderr } = await doctor.doctor(['--undo']);
  assert.deepEqual(
    [code, stderr],
    [1, `portreeve: ${BLACKLIST} was changed after the fix, and is not restored\n`],
  );
  assert.deepEqual(await stateOf(doctor), ['50000', '853\n', undefined]);
});

test('with --root, changes only the files in the tree, and nothing on this host', async (t) => {
  const doctor = await DoctorSandbox.open(t, FAULTY);
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

test('a suppressed finding is counted, shown on request, and not fixed', async (t) => {
  const suppress =
    'suppress = [{ code = "SERVICES_RESERVE_NOTHING", port = 40001, reason = "not installed" }]';
  const doctor = await DoctorSandbox.open(t, {
    files: { '/etc/services': 'app 40001/tcp\n', '/etc/portreeve/portreeve.toml': `[doctor]\n${suppress}\n` },
  });
  if (doctor === undefined) return;
  const { stdout, code } = await doctor.doctor();
  assert.deepEqual([stdout, code], ['no findings; 1 suppressed (--all shows them)\n', 0]);
  const all = await doctor.doctor(['--all']);
  assert.match(all.stdout, /\(SERVICES_RESERVE_NOTHING\)\n[\s\S]*\n {2}suppressed: not installed\n/);
  assert.equal(all.code, 0);
  assert.match((await doctor.doctor(['--fix'])).stdout, /^there is nothing that the doctor can fix/);
});
