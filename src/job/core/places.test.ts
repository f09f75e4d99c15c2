// Units and containers from cgroup paths of service managers and container runtimes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerOfCgroup, unitOfCgroup } from './places.ts';

const ID = '0123456789ab'.padEnd(64, 'c');
const POD = '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice';

// systemd: src/basic/cgroup-util.c, cg_path_get_unit()
const UNITS: Readonly<Record<string, string | undefined>> = {
  '/': undefined,
  '/system.slice/nginx.service': 'nginx.service',
  '/system.slice/nginx.service/worker': 'nginx.service',
  '/system.slice/system-getty.slice/getty@tty1.service': 'getty@tty1.service',
  '/system.slice/_cgroup.service': 'cgroup.service',
  '/system.slice': undefined,
  '/init.scope': 'init.scope',
  '/system.slice/ssh.socket': 'ssh.socket',
  '/user.slice/user-1000.slice/session-3.scope': 'session-3.scope',
  '/user.slice/user-1000.slice/user@1000.service/app.slice/mine.service': 'user@1000.service',
  '/mine/nginx.service': undefined,
};
for (const [path, unit] of Object.entries(UNITS)) {
  test(`${path} has ${unit ?? 'no unit'}`, () => assert.equal(unitOfCgroup(path), unit));
}

const CONTAINERS: Readonly<Record<string, readonly [runtime: string, id: string] | undefined>> = {
  [`/system.slice/docker-${ID}.scope`]: ['docker', '0123456789ab'],
  [`/system.slice/docker-${ID}.scope/init`]: ['docker', '0123456789ab'],
  [`/docker/${ID}`]: ['docker', '0123456789ab'],
  [`/machine.slice/libpod-${ID}.scope/container`]: ['podman', '0123456789ab'],
  [`/libpod_parent/libpod-${ID}`]: ['podman', '0123456789ab'],
  [`${POD}/cri-containerd-${ID}.scope`]: ['containerd', '0123456789ab'],
  [`/system.slice/nerdctl-${ID}.scope`]: ['containerd', '0123456789ab'],
  [`/kubepods/burstable/pod1-2/${ID}`]: ['containerd', '0123456789ab'],
  [`/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:${ID}`]: [
    'containerd',
    '0123456789ab',
  ],
  [`${POD}/crio-${ID}.scope`]: ['cri-o', '0123456789ab'],
  '/lxc/web': ['lxc', 'web'],
  '/lxc.payload.web-1/system.slice': ['lxc', 'web-1'],
  '/machine.slice/systemd-nspawn@web.service/payload': ['nspawn', 'web'],
  '/system.slice/docker.service': undefined,
  '/system.slice/docker-short.scope': undefined,
  [`/system.slice/docker-${ID}f.scope`]: undefined,
  '/': undefined,
};
for (const [path, found] of Object.entries(CONTAINERS)) {
  test(`${path.replace(ID, 'ID')} has ${found?.[0] ?? 'no container'}`, () => {
    assert.deepEqual(containerOfCgroup(path), found && { runtime: found[0], id: found[1] });
  });
}
