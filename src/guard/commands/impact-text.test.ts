// How the sockets that a change of the rules affects are printed, as text and as JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { parseIp } from '../../base/address.ts';
import type { Impacts } from '../app/impact.ts';
import type { Impact } from '../core/impact.ts';
import { impactsJson, impactsSummary, impactsText, wouldBeSummary } from './impact-text.ts';

const RULE = { file: 'p', line: 7, text: 'PORT 80 TCP WEB' };
const [ANY, OWN] = [address('0.0.0.0'), address('192.0.2.7')];

function address(text: string) {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return parsed;
}

const GIVEN = {
  address: undefined,
  isShared: false,
  acks: undefined,
  smc: undefined,
  lowPortGranted: false,
  assignedFrom: undefined,
} as const;

function impact(changes: Partial<Impact> = {}, seen: Partial<Impact['seen']> = {}): Impact {
  return {
    effect: 'refused',
    seen: {
      socket: {
        protocol: 'tcp',
        state: 'LISTEN',
        local: { address: ANY, port: 80 },
        remote: undefined,
        v6Only: false,
        interfaceIndex: 0,
        uid: 33,
        inode: 1,
        cgroupId: 1n,
        expiresMs: undefined,
      },
      owners: [
        {
          pid: 812,
          startTicks: 250,
          name: 'nginx',
          command: 'nginx -g x',
          uid: 33,
          cgroup: '/system.slice/n',
        },
      ],
      user: 'www-data',
      unit: 'nginx.service',
      container: undefined,
      forwardsTo: undefined,
      job: 'NGINX',
      ...seen,
    },
    after: { allowed: false, reason: 'RESERVED_FOR_OTHERS', errno: 'EACCES', rule: RULE },
    before: undefined,
    rule: RULE,
    errno: 'EPERM',
    differences: [],
    mayBeAssigned: false,
    ...changes,
  };
}

const RESTART: Impact = impact({
  effect: 'restart',
  after: { allowed: true, reason: 'RESERVED_FOR_JOB', rule: RULE, ...GIVEN },
  errno: undefined,
  differences: [
    { what: 'BIND', from: ANY, to: OWN },
    { what: 'SHAREPORT', from: false, to: true },
    { what: 'NODELAYACKS', from: true, to: false },
  ],
});

const impacts = (affected: readonly Impact[], hiddenProcesses = 0): Impacts => ({
  affected,
  refused: affected.filter(({ effect }) => effect === 'refused').length,
  restart: affected.filter(({ effect }) => effect === 'restart').length,
  kept: 3,
  hiddenProcesses,
});

/** The cells of the lines below the heading. */
function lines(affected: readonly Impact[], hiddenProcesses = 0): string[][] {
  const text = impactsText(capturedIo({ uid: 1000 }), impacts(affected, hiddenProcesses));
  const [, ...rest] = text.trimEnd().split('\n');
  return rest.map((line) => line.split(/ {2,}/));
}

test('a line shows the effect on a socket, its owner, and the statement', () => {
  assert.deepEqual(lines([impact(), RESTART]), [
    [
      'refused',
      'tcp 0.0.0.0:80',
      'nginx (pid 812)',
      'nginx.service',
      'www-data',
      'NGINX',
      'p:7',
      'EPERM: reserved, but not for NGINX',
    ],
    [
      'restart',
      'tcp 0.0.0.0:80',
      'nginx (pid 812)',
      'nginx.service',
      'www-data',
      'NGINX',
      'p:7',
      'address 192.0.2.7 instead of 0.0.0.0, gains SHAREPORT, loses NODELAYACKS',
    ],
  ]);
});

test('what is unknown is reported', () => {
  const denied = { allowed: false, reason: 'RESERVED_FOR_NO_ONE', errno: 'EACCES', rule: RULE } as const;
  const one = impact(
    { after: denied, before: denied, mayBeAssigned: true },
    { owners: [], unit: undefined, user: undefined, job: 'UNKNOWN' },
  );
  const [line, ...notes] = lines([one], 2);
  assert.deepEqual(line?.slice(2), [
    'unknown',
    '-',
    '33',
    'UNKNOWN',
    'p:7',
    'EPERM: reserved for no one, as before; unless the kernel assigned the port',
  ]);
  assert.deepEqual(notes, [
    ['UNKNOWN: the job could not be determined; only * matches it'],
    ['2 processes could not be read; run as root to see all owners'],
  ]);
});

test('a container or a cgroup is shown where there is no unit', () => {
  const place = (seen: Partial<Impact['seen']>) => lines([impact({}, seen)])[0]?.[3];
  const container = { runtime: 'docker', id: '0123456789ab' };
  assert.equal(place({ unit: undefined, container }), 'docker 0123456789ab');
  assert.equal(place({ unit: undefined }), '/system.slice/n');
});

test('sockets that do not differ in what is shown share one line', () => {
  assert.deepEqual(
    lines([impact(), impact(), RESTART]).map(([effect, socket]) => `${effect} ${socket}`),
    ['refused tcp 0.0.0.0:80 (2)', 'restart tcp 0.0.0.0:80'],
  );
});

test('nothing is printed where no socket is affected', () => {
  assert.equal(impactsText(capturedIo(), impacts([])), '');
});

test('the numbers are printed, for rules in force and for others', () => {
  const count = (refused: number, restart: number) => ({ refused, restart });
  assert.equal(impactsSummary(count(0, 0)), undefined);
  assert.equal(impactsSummary(count(1, 0)), '1 violates the rules');
  assert.equal(impactsSummary(count(2, 1)), '2 violate the rules, 1 needs a restart');
  assert.equal(wouldBeSummary(count(0, 2)), 'open sockets: 2 would need a restart');
  assert.match(wouldBeSummary(count(0, 0)), /^no open socket would be refused/);
});

test('JSON has an object for each, with times in UTC', () => {
  const { sockets, ...counts } = impactsJson(impacts([impact(), RESTART], 1), 1_000_000);
  assert.deepEqual(counts, { refused: 1, restart: 1, kept: 3, hiddenProcesses: 1 });
  const [refused, restart] = sockets;
  assert.deepEqual(refused, {
    effect: 'refused',
    protocol: 'tcp',
    address: '0.0.0.0',
    port: 80,
    state: 'LISTEN',
    job: 'NGINX',
    uid: 33,
    user: 'www-data',
    unit: 'nginx.service',
    container: null,
    cgroup: '/system.slice/n',
    started: '1970-01-01T00:16:42.500Z',
    processes: [{ pid: 812, name: 'nginx', command: 'nginx -g x', uid: 33 }],
    errno: 'EPERM',
    reason: 'RESERVED_FOR_OTHERS',
    rule: RULE,
    before: null,
    differences: [],
    mayBeAssigned: false,
  });
  assert.deepEqual(restart?.differences, [
    { what: 'BIND', from: '0.0.0.0', to: '192.0.2.7' },
    { what: 'SHAREPORT', from: false, to: true },
    { what: 'NODELAYACKS', from: true, to: false },
  ]);
});
