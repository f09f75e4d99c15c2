// What is determined about various kernels, and which answers are cached.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SimKernel, SimKernelTrials } from '../../../../test/support/sim/kernel-trials.ts';
import { unprivilegedStart } from '../../../names/app/kernel-ports.ts';
import { noDelayUs } from '../../core/features.ts';
import { FeatureProbe } from './features.ts';

const START = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const LOCKDOWN = '/sys/kernel/security/lockdown';

interface Reported {
  readonly kernel?: SimKernel;
  readonly files?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

function probed({ kernel = {}, files = {}, uid = 0 }: Reported = {}) {
  const bpf = new SimKernelTrials(kernel);
  const probe = new FeatureProbe({ bpf, files: { readText: (path) => files[path] }, uid });
  return { bpf, probe };
}

const missing = (reported: Reported) => probed(reported).probe.missing();

test('a kernel with all features lacks nothing, for any user', () => {
  assert.deepEqual(missing({}), []);
  assert.deepEqual(missing({ uid: 1000 }), []);
});

test('what is missing is reported with a hint', () => {
  const without = (kernel: SimKernel, files = {}) =>
    missing({ kernel, files }).map(({ has, message }) => [has, message]);
  assert.deepEqual(without({ cgroupRoot: null }), [[false, 'no complete cgroup v2 hierarchy is mounted']]);
  assert.deepEqual(without({ programErrno: 'ENOSYS' }), [[false, 'this kernel is built without BPF']]);
  assert.deepEqual(without({ programErrno: 'EINVAL' }), [
    [false, 'this kernel does not call BPF programs at bind(2)'],
  ]);
  const notLet = 'the kernel does not permit root to load BPF programs here';
  assert.deepEqual(without({ programErrno: 'EPERM' }), [[false, notLet]]);
  assert.deepEqual(without({ programErrno: 'EPERM' }, { [LOCKDOWN]: '[none] integrity confidentiality\n' }), [
    [false, notLet],
  ]);
  assert.deepEqual(without({ programErrno: 'EPERM' }, { [LOCKDOWN]: 'none integrity [confidentiality]\n' }), [
    [false, `${notLet}: it is locked down (confidentiality)`],
  ]);
  assert.equal(without({ cgroupRoot: null, programErrno: 'ENOSYS' }).length, 2);
  for (const trial of missing({ kernel: { cgroupRoot: null, programErrno: 'EPERM' } })) {
    assert.notEqual(trial.hint, '');
  }
});

test('without root, only what can be determined is reported, and that the rest is unknown', () => {
  const [unknown] = missing({ kernel: { programErrno: 'EPERM' }, uid: 1000 });
  assert.equal(unknown?.has, undefined);
  assert.match(unknown?.message ?? '', /^only root can determine/);
  const [reported] = missing({ kernel: { programErrno: 'ENOSYS' }, uid: 1000 });
  assert.equal(reported?.has, false);
});

test('yes and no are cached; unknown is probed again', () => {
  const { bpf, probe } = probed({ kernel: { programErrno: 'ENOMEM' } });
  assert.equal(probe.has('bindPrograms').has, undefined);
  bpf.kernel = { programErrno: 'EINVAL' };
  assert.equal(probe.has('bindPrograms').has, false);
  bpf.kernel = {};
  assert.equal(probe.has('bindPrograms').has, false);
  assert.equal(bpf.programsTried, 2);
});

test('a known tick is cached', () => {
  const { bpf, probe } = probed({ kernel: { tickUs: undefined } });
  assert.equal(probe.tickUs, undefined);
  bpf.kernel = { tickUs: 10_000 };
  assert.equal(probe.tickUs, 10_000);
  bpf.kernel = { tickUs: 1000 };
  assert.equal(probe.tickUs, 10_000);
});

// include/net/tcp.h: TCP_TIMEOUT_MIN is 2 jiffies; usecs_to_jiffies() rounds up.
test('the shortest delay is two ticks, in whole microseconds that the kernel converts to two', () => {
  for (const ticksPerSecond of [100, 250, 300, 1000, 1024]) {
    const tickUs = Math.floor(1_000_000 / ticksPerSecond);
    const ticks = Math.ceil((noDelayUs(tickUs) * ticksPerSecond) / 1_000_000);
    assert.equal(ticks, 2, `${ticksPerSecond} ticks per second`);
  }
  // 200 ms are the longest delay that any kernel accepts.
  assert.ok(noDelayUs(undefined) >= noDelayUs(10_000) && noDelayUs(undefined) <= 200_000);
});

test('the end of the low ports is read, and is 1024 where it cannot be read', () => {
  const start = (text?: string) =>
    unprivilegedStart({ readText: (path) => (path === START ? text : undefined) });
  assert.equal(start('80\n'), 80);
  assert.equal(start('0\n'), 0);
  assert.equal(start('65536\n'), 65536);
  assert.equal(start(), 1024);
  assert.equal(start('0x50\n'), 1024);
  assert.equal(probed({ files: { [START]: '0\n' } }).probe.unprivilegedStart, 0);
});

test('other protocols are those that the kernel lists', () => {
  const head = 'protocol  size sockets  memory press\n';
  const others = (text: string) => probed({ files: { '/proc/net/protocols': text } }).probe.otherProtocols;
  assert.deepEqual(others(`${head}TCP 2304 1\nUDP 1344 0\nUDPLITEv6 1472 0\n`), []);
  assert.deepEqual(others(`${head}UDP-Lite  1344\nTCP 1\nSCTP      1888\n`), ['UDP-Lite', 'SCTP']);
  assert.deepEqual(probed().probe.otherProtocols, []);
});
