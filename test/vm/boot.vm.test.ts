/**
 * Tests an installation on Debian 12 in a virtual machine: take-over from a running rpcbind, a reboot, a crash, and the
 * removal. The guard is in force before any unit can bind a port, each unit gets its port, and nothing is left.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { changes, hostState } from './host-state.ts';
import { Machine } from './machine.ts';

const BIND = '/usr/bin/python3 /opt/portreeve/test/vm/guest/bind.py';

const PROFILE = `PORT
  22 TCP SSH
  111 TCP PORTMAP
  111 UDP PORTMAP
  5432 TCP POSTGRESQL
  7001 TCP SLICED
  7002 TCP TOY
  7003 TCP TOY@TWO
  7004 TCP REPLY
`;

const service = (port: string, more = '') =>
  `[Service]\nExecStart=${BIND} ${port} listen\n${more}[Install]\nWantedBy=multi-user.target\n`;

const SYSTEM = '/etc/systemd/system';
/** Kinds of units whose cgroups have different paths: in a slice, an instance, a socket. */
const UNITS: Readonly<Record<string, string>> = {
  [`${SYSTEM}/sliced.service`]: service('7001', 'Slice=custom.slice\n'),
  [`${SYSTEM}/toy@.service`]: service('%i'),
  [`${SYSTEM}/toy@two.service`]: service('7003'),
  [`${SYSTEM}/answer.socket`]:
    '[Socket]\nListenStream=7004\nService=reply.service\n[Install]\nWantedBy=sockets.target\n',
  [`${SYSTEM}/reply.service`]: `[Service]\nExecStart=/bin/sleep infinity\n`,
};
const ENABLED = [
  'sliced.service',
  'toy@7002.service',
  'toy@two.service',
  'answer.socket',
  'nfs-server.service',
];
/** The unit that must hold each port after a boot. */
const HOLDERS: readonly (readonly [port: number, unit: string])[] = [
  [22, 'ssh.socket'],
  [5432, 'postgresql@15-main.service'],
  [7001, 'sliced.service'],
  [7002, 'toy@7002.service'],
  [7003, 'toy@two.service'],
  [7004, 'answer.socket'],
];

test('Debian 12 with portreeve: install, reboot, a crash, uninstall', async (t) => {
  const machine = await Machine.boot(t);
  if (machine === undefined) return;
  await machine.write(UNITS);
  await machine.must(`systemctl daemon-reload && systemctl -q enable ${ENABLED.join(' ')}`);
  await machine.must('systemctl start nfs-server.service rpc-statd.service');
  const before = await hostState(machine);

  await t.test('install writes the units, and take-over carries over the registrations of rpcbind', () =>
    takeOver(machine),
  );
  await t.test('a profile is applied, and is in force after a reboot', () => reboot(machine));
  await t.test('the guard is in force before any unit that binds a port starts', () => guardFirst(machine));
  for (const [port, unit] of HOLDERS) {
    await t.test(`${unit} has its port ${port}, and no other unit or user gets it`, (each) =>
      holds(each, machine, port, unit),
    );
  }
  await t.test('mountd and statd, which systemd starts after the daemon, are registered', () => nfs(machine));
  await t.test('a killed daemon is restarted by systemd, and keeps the registrations', () => crash(machine));
  await t.test('uninstall restores the state of the host, except for the accounts', async () => {
    await uninstalled(machine, before);
  });
});

/** The registrations, except those of the port mapper itself, which differ between rpcbind and portreeve. */
async function registered(machine: Machine): Promise<string[]> {
  const table = await machine.must('rpcinfo -p 127.0.0.1');
  const rows = table.trim().split('\n').slice(1);
  return rows.map((row) => row.trim().split(/ +/).join(' ')).filter((row) => !row.startsWith('100000 '));
}

async function showOf(machine: Machine, unit: string, property: string): Promise<string> {
  return (await machine.must(`systemctl show -p ${property} --value ${unit}`)).trim();
}

/** The steps that `portreeve install` prints: take-over, Ctrl-C, and then the units. */
async function takeOver(machine: Machine): Promise<void> {
  const byRpcbind = await registered(machine);
  assert.ok(
    byRpcbind.some((row) => row.endsWith(' mountd')) && byRpcbind.some((row) => row.endsWith(' status')),
  );
  const installed = await machine.portreeve('install');
  assert.equal(installed.code, 0, installed.stderr);
  assert.doesNotMatch(installed.stderr, /can be changed by others/);

  const handOver =
    'systemd-run -q --unit=hand-over -p Type=notify /opt/portreeve/bin/portreeve portmap take-over';
  await machine.must(`${handOver} || { journalctl -u hand-over --no-pager; exit 1; }`);
  await machine.must(answersFor('hand-over.service'));
  assert.deepEqual(await registered(machine), byRpcbind);
  await machine.must('systemctl kill -s INT hand-over.service');
  await machine.until('! systemctl -q is-active hand-over.service');
  await machine.must('systemctl restart portreeve-guard.service portreeve.socket portreeve.service');
  assert.deepEqual(await registered(machine), byRpcbind);
}

/** A condition of bash: the port mapper answers, and is a process of the unit. */
function answersFor(unit: string): string {
  const pids = `grep -qwFf /sys/fs/cgroup/system.slice/${unit}/cgroup.procs`;
  return `{ rpcinfo -p 127.0.0.1 >/dev/null && ss -Hltnp 'sport = :111' | tr -c 0-9 '\\n' | ${pids}; }`;
}

async function reboot(machine: Machine): Promise<void> {
  await machine.write({ '/etc/portreeve/profile.tcpip': PROFILE });
  const applied = await machine.portreeve('apply /etc/portreeve/profile.tcpip');
  assert.equal(applied.code, 0, applied.stderr);
  await machine.reboot();
  const log = await machine.must('journalctl -b -u portreeve-guard -u portreeve --no-pager');
  assert.equal(await machine.must('systemctl --failed --no-legend --plain'), '', log);
  assert.equal(JSON.parse((await machine.portreeve('guard --json')).stdout).mode, 'enforce', log);
}

async function guardFirst(machine: Machine): Promise<void> {
  const at = async (unit: string, property: string) => BigInt(await showOf(machine, unit, property));
  const inForce = await at('portreeve-guard.service', 'ActiveEnterTimestampMonotonic');
  assert.ok(inForce > 0n);
  for (const unit of ['sysinit.target', 'portreeve.service', ...HOLDERS.map(([, holder]) => holder)]) {
    const begun = await at(unit, 'InactiveExitTimestampMonotonic');
    assert.ok(begun > inForce, `${unit} began at ${begun} µs, the guard was in force at ${inForce}`);
  }
  assert.equal(await showOf(machine, 'portreeve.service', 'Type'), 'notify');
  const ready = await at('portreeve.service', 'ActiveEnterTimestampMonotonic');
  const basic = await at('basic.target', 'ActiveEnterTimestampMonotonic');
  assert.ok(ready < basic, `the daemon was ready at ${ready} µs, basic.target at ${basic}`);
}

async function holds(t: TestContext, machine: Machine, port: number, unit: string): Promise<void> {
  const stranger = `stranger-${port}.service`;
  t.after(() => machine.run(`systemctl reset-failed ${stranger}`));
  assert.equal(
    await showOf(machine, unit, 'ActiveState'),
    'active',
    await machine.must(`journalctl -u ${unit} -n 20`),
  );
  const listening = await machine.must(`ss -Hltn 'sport = :${port}'`);
  assert.notEqual(listening, '', `no one listens on ${port}`);
  if (port === 22) assert.match(await greeting(machine, port), /^SSH-2\.0-OpenSSH/);
  if (port === 5432) assert.match(await machine.must('pg_isready -h 127.0.0.1'), /accepting connections/);

  const run = 'systemd-run --quiet --collect';
  const byUnit = await machine.run(`${run} --pipe --wait --unit=${stranger} ${BIND} ${port}`);
  assert.equal(byUnit.stdout, 'EACCES\n', byUnit.stderr);
  const byUser = await machine.run(`${run} --scope --slice=user-65534.slice --uid=65534 ${BIND} ${port}`);
  assert.equal(byUser.stdout, 'EACCES\n', byUser.stderr);
}

async function greeting(machine: Machine, port: number): Promise<string> {
  return machine.must(`exec 3<>/dev/tcp/127.0.0.1/${port} && read -r -t 60 -u 3 line && echo "$line"`);
}

async function nfs(machine: Machine): Promise<void> {
  await machine.must(answersFor('portreeve.service'));
  const log = await machine.must(
    'journalctl -b -u nfs-server -u nfs-mountd -u rpc-statd -u portreeve --no-pager',
  );
  const names = new Set((await registered(machine)).map((row) => row.split(' ').at(-1)));
  for (const name of ['mountd', 'status', 'nfs'])
    assert.ok(names.has(name), `${name} is not registered\n${log}`);
}

async function crash(machine: Machine): Promise<void> {
  const before = await registered(machine);
  const pid = await showOf(machine, 'portreeve.service', 'MainPID');
  await machine.must(`kill -9 ${pid}`);
  const other = `systemctl show -p MainPID --value portreeve.service | grep -vx -e ${pid} -e 0`;
  await machine.until(`systemctl -q is-active portreeve.service && ${other}`);
  assert.deepEqual(await registered(machine), before);
  const { code, stdout } = await machine.portreeve('events --port 7001');
  assert.equal(code, 0);
  assert.match(stdout, /STRANGER-7001/, 'refused before the crash, and reported after it');
}

async function uninstalled(machine: Machine, before: Awaited<ReturnType<typeof hostState>>): Promise<void> {
  const { code, stdout, stderr } = await machine.portreeve('uninstall --purge');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^not removed: the user portreeve-portmap and the group portreeve$/m);
  const after = await hostState(machine);
  // The settings are kept; the directory of the accounts belongs to systemd.
  const isLeft = (line: string) =>
    line.startsWith('+ /etc/portreeve') || line.startsWith('+ /etc/sysusers.d d ');
  assert.deepEqual(
    changes(before.rest, after.rest).filter((line) => !isLeft(line)),
    [],
  );
  const accounts = changes(before.accounts, after.accounts);
  assert.deepEqual(
    accounts.filter((line) => !/^\+ (?:passwd|group|shadow|gshadow) portreeve(?:-portmap)?:/.test(line)),
    [],
  );
  await machine.must('systemctl restart rpcbind.socket rpcbind.service');
  await machine.until(answersFor('rpcbind.service'));
  await machine.must('systemctl stop sliced.service');
  assert.equal((await machine.run(`${BIND} 7001`)).stdout, 'bound\n');
}
