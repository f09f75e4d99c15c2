// The owner of a socket: processes, user, unit, container, job, and the destination of docker-proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '../../../test/support/service.ts';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimOpenSockets } from '../../../test/support/sim/open-sockets.ts';
import { formatIp } from '../../base/address.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import { readSockets, type SocketDeps } from './read-sockets.ts';

const PASSWD = 'root:x:0:0::/:\nalice:x:1000:1000::/:\nalias:x:1000:1000::/:\n';
const CONTAINER = 'f'.repeat(64);

function fixture() {
  const sockets = new SimOpenSockets();
  const cgroups = new SimCgroups();
  const deps: SocketDeps = {
    sockets,
    cgroups,
    files: { readText: (path) => (path === '/etc/passwd' ? PASSWD : undefined), names: () => [] },
  };
  /** Opens a socket in a cgroup. */
  const openIn = (path: string, uid: number, port: number) => {
    const { id } = cgroups.at(path) ?? cgroups.add(path);
    sockets.addCgroup(id, path);
    return sockets.open({ local: { address: ip('0.0.0.0'), port }, uid, cgroupId: id }, owner({ pid: port }));
  };
  return { sockets, cgroups, deps, openIn };
}

function owner(about: Partial<SocketOwner>): SocketOwner {
  return { pid: 7, startTicks: 1, name: 'web', command: 'web', uid: 0, cgroup: '/', ...about };
}

const socketAt = (deps: SocketDeps, port: number) => readSockets(deps, { port }).sockets[0] ?? assert.fail();

test('a socket belongs to the unit, container, and job of the cgroup in which it was created', () => {
  const { deps, openIn } = fixture();
  openIn('/system.slice/nginx.service/worker', 0, 80);
  openIn(`/system.slice/docker-${CONTAINER}.scope`, 0, 81);
  openIn('/user.slice/user-1000.slice/session-1.scope', 1000, 82);
  const at = (port: number) => {
    const { user, unit, container, job } = socketAt(deps, port);
    return { user, unit, container, job };
  };
  assert.deepEqual(at(80), { user: 'root', unit: 'nginx.service', container: undefined, job: 'NGINX' });
  const scope = `docker-${CONTAINER}.scope`;
  assert.deepEqual(at(81), {
    ...{ user: 'root', unit: scope, job: 'ROOT' },
    container: { runtime: 'docker', id: 'ffffffffffff' },
  });
  const session = { user: 'alice', unit: 'session-1.scope', container: undefined, job: 'ALICE' };
  assert.deepEqual(at(82), session);
});

test('a cgroup that was created for a job has that job, wherever it is', () => {
  const { deps, cgroups, sockets, openIn } = fixture();
  cgroups.add('/system.slice/batch.service');
  const made = cgroups.make('/system.slice/batch.service', 'x', 'PAYROLL', 0);
  sockets.addCgroup(made.id, made.path);
  openIn(made.path, 1000, 80);
  openIn(`${made.path}/deeper`, 1000, 81);
  openIn('/system.slice/batch.service', 1000, 82);
  assert.deepEqual(
    [80, 81, 82].map((port) => socketAt(deps, port).job),
    ['PAYROLL', 'PAYROLL', 'BATCH'],
  );
});

test('a socket in TIME_WAIT has no owner, and its job is UNKNOWN', () => {
  const { deps, sockets } = fixture();
  sockets.open({ local: { address: ip('::1'), port: 80 }, uid: undefined, inode: 0, state: 'TIME_WAIT' });
  const { owners, user, unit, job } = socketAt(deps, 80);
  assert.deepEqual(
    { owners, user, unit, job },
    { owners: [], user: undefined, unit: undefined, job: 'UNKNOWN' },
  );
});

test('the job is UNKNOWN for a uid without an account in a removed cgroup', () => {
  const { deps, sockets } = fixture();
  sockets.open({ local: { address: ip('::1'), port: 80 }, uid: 4711, cgroupId: 99n });
  const { user, unit, job } = socketAt(deps, 80);
  assert.deepEqual({ user, unit, job }, { user: undefined, unit: undefined, job: 'UNKNOWN' });
  const without = socketAt({ ...deps, cgroups: undefined }, 80);
  assert.equal(without.job, 'UNKNOWN');
});

test('the destination is reported for docker-proxy only', () => {
  const { deps, sockets } = fixture();
  const proxy = (port: number, about: Partial<SocketOwner>) =>
    sockets.open({ local: { address: ip('0.0.0.0'), port } }, owner({ name: 'docker-proxy', ...about }));
  const argument = '-proto tcp -host-ip 0.0.0.0 -host-port 8080';
  proxy(80, { command: `/usr/bin/docker-proxy ${argument} -container-ip 172.17.0.2 -container-port 81 -x` });
  proxy(81, { command: `/usr/bin/docker-proxy ${argument} -container-ip fd00::2 -container-port 81` });
  proxy(82, { command: `/usr/bin/docker-proxy ${argument} -container-ip 172.17.0.2 -container-port 70000` });
  proxy(83, { command: `docker-proxy ${argument} -container-ip nowhere -container-port 81` });
  proxy(84, { command: 'docker-proxy' });
  proxy(85, { name: 'proxy', command: `proxy -container-ip 172.17.0.2 -container-port 81` });
  const destinations = [80, 81, 82, 83, 84, 85].map((port) => {
    const end = socketAt(deps, port).forwardsTo;
    return end && `${formatIp(end.address)} ${end.port}`;
  });
  assert.deepEqual(destinations, ['172.17.0.2 81', 'fd00::2 81', undefined, undefined, undefined, undefined]);
});

test('looks up the owners of selected sockets only, and counts processes that could not be read', () => {
  const { deps, sockets } = fixture();
  sockets.open({ local: { address: ip('::1'), port: 80 } }, owner({ uid: 1000 }));
  sockets.open({ local: { address: ip('::1'), port: 81 } }, owner({ pid: 8 }));
  sockets.closedUsers.add(1000);
  const { sockets: seen, hiddenProcesses } = readSockets(deps, {}, ({ local }) => local.port === 80);
  assert.deepEqual([seen.length, seen[0]?.owners, hiddenProcesses], [1, [], 1]);
});

const DAEMON = { name: 'portreeve', command: 'portreeve' } as const;
const SESSION = '/user.slice/user-0.slice/session-1.scope';

test('the job of the daemon’s sockets is PORTMAP', () => {
  const { cgroups, deps, sockets } = fixture();
  let port = 110;
  const jobOf = (path: string, uid: number, about?: Partial<SocketOwner>) => {
    const { id: cgroupId } = cgroups.at(path) ?? cgroups.add(path);
    sockets.addCgroup(cgroupId, path);
    const local = { address: ip('0.0.0.0'), port: ++port };
    sockets.open({ local, uid, cgroupId }, ...(about ? [owner(about)] : []));
    return socketAt(deps, port).job;
  };
  assert.equal(jobOf(SESSION, 0, DAEMON), 'PORTMAP');
  assert.equal(jobOf('/system.slice/portreeve.service', 0, DAEMON), 'PORTMAP');
  assert.equal(jobOf('/system.slice/my.service', 0, DAEMON), 'PORTMAP');
  // Where the process cannot be read, the unit decides.
  assert.equal(jobOf('/system.slice/portreeve.service', 0), 'PORTMAP');
  assert.equal(jobOf('/system.slice/portreeve.service', 0, { name: 'socat', command: 'socat' }), 'PORTREEVE');
  // A daemon of an ordinary user keeps the user's job, and so does a process that only has the name.
  assert.equal(jobOf(SESSION, 1000, { ...DAEMON, uid: 1000 }), 'ALICE');
  assert.equal(jobOf(SESSION, 1000, DAEMON), 'ALICE');
  assert.equal(jobOf('/system.slice/portreeve.service', 1000), 'PORTREEVE');
  assert.equal(jobOf(SESSION, 0, { ...DAEMON, uid: 1000 }), 'ROOT');
  assert.equal(jobOf(SESSION, 0, { name: 'portreeve', command: 'portreeve serve' }), 'ROOT');
  assert.equal(jobOf(SESSION, 0, { name: 'web', command: 'portreeve' }), 'ROOT');
  assert.equal(jobOf(`/system.slice/docker-${CONTAINER}.scope`, 0, DAEMON), 'ROOT');
  const given = cgroups.make(SESSION, 'GATEWAY-7', 'GATEWAY', 0).path;
  assert.equal(jobOf(given, 0, DAEMON), 'GATEWAY');
});

test('without permission to read marks, the names of root’s cgroups decide', () => {
  const { cgroups, deps, openIn } = fixture();
  cgroups.canReadMarks = false;
  const home = '/system.slice/portreeve.service';
  openIn(`${home}/portreeve-job-PORTMAP-12`, 0, 80);
  openIn(`${home}/portreeve-job-MY-JOB.2-12.3`, 1000, 81);
  cgroups.add(`${home}/portreeve-job-FORGED-12`, 1000);
  openIn(`${home}/portreeve-job-FORGED-12`, 1000, 82);
  openIn(`/system.slice/docker-${CONTAINER}.scope/portreeve-job-FORGED-12`, 0, 83);
  const jobs = () => [80, 81, 82, 83].map((port) => socketAt(deps, port).job);
  assert.deepEqual(jobs(), ['PORTMAP', 'MY-JOB.2', 'PORTREEVE', 'ROOT']);
  // With permission, only the marks count.
  cgroups.canReadMarks = true;
  assert.deepEqual(jobs(), ['PORTREEVE', 'PORTREEVE', 'PORTREEVE', 'ROOT']);
});

test('if its cgroup was removed, the job is that of an owner other than the service manager', () => {
  const { deps, cgroups, sockets } = fixture();
  cgroups.add('/system.slice/app.service');
  const manager = owner({ pid: 1, name: 'systemd', cgroup: '/init.scope', startTicks: 0 });
  const app = owner({ pid: 8, cgroup: '/system.slice/app.service' });
  const open = (port: number, ...owners: SocketOwner[]) =>
    sockets.open({ local: { address: ip('0.0.0.0'), port }, uid: 0, cgroupId: 99n }, ...owners);
  open(80);
  open(81, manager, app);
  open(82, manager);
  const { sockets: seen } = readSockets(deps);
  assert.deepEqual(
    seen.map(({ socket, job, unit }) => [socket.local.port, job, unit]),
    [
      [80, 'ROOT', undefined],
      [81, 'APP', 'app.service'],
      [82, 'ROOT', undefined],
    ],
  );
});
