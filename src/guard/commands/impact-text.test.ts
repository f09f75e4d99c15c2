// Tests of how the sockets that a change of the rules concerns are told: to people, and as JSON.
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
    fate: 'refused',
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
    mayBeChosen: false,
    ...changes,
  };
}

const RESTART: Impact = impact({
  fate: 'restart',
  after: { allowed: true, reason: 'RESERVED_FOR_JOB', rule: RULE, ...GIVEN },
  errno: undefined,
  differences: [
    { what: 'BIND', has: ANY, gets: OWN },
    { what: 'SHAREPORT', has: false, gets: true },
    { what: 'NODELAYACKS', has: true, gets: false },
  ],
});

const impacts = (concerned: readonly Impact[], notSeen = 0): Impacts => ({
  concerned,
  refused: concerned.filter(({ fate }) => fate === 'refused').length,
  restart: concerned.filter(({ fate }) => fate === 'restart').length,
  kept: 3,
  notSeen,
});

/** The cells of the lines below the heading. */
function lines(concerned: readonly Impact[], notSeen = 0): string[][] {
  const text = impactsText(capturedIo({ uid: 1000 }), impacts(concerned, notSeen));
  const [, ...rest] = text.trimEnd().split('\n');
  return rest.map((line) => line.split(/ {2,}/));
}

test('a line says what becomes of a socket, whose it is, and by which statement', () => {
  assert.deepEqual(lines([impact(), RESTART]), [
    [
      'refused',
      'tcp 0.0.0.0:80',
      'nginx[812]',
      'nginx.service',
      'www-data',
      'NGINX',
      'p:7',
      'EPERM: reserved, and not for NGINX',
    ],
    [
      'restart',
      'tcp 0.0.0.0:80',
      'nginx[812]',
      'nginx.service',
      'www-data',
      'NGINX',
      'p:7',
      'gets 192.0.2.7 in the place of 0.0.0.0, gets SHAREPORT, loses NODELAYACKS',
    ],
  ]);
});

test('what is not known is said', () => {
  const denied = { allowed: false, reason: 'RESERVED_FOR_NO_ONE', errno: 'EACCES', rule: RULE } as const;
  const one = impact(
    { after: denied, before: denied, mayBeChosen: true },
    { owners: [], unit: undefined, user: undefined, job: 'UNKNOWN' },
  );
  const [line, ...notes] = lines([one], 2);
  assert.deepEqual(line?.slice(2), [
    'not seen',
    '-',
    '33',
    'UNKNOWN',
    'p:7',
    'EPERM: reserved for no one, as before; unless the kernel chose the port',
  ]);
  assert.deepEqual(notes, [
    ['UNKNOWN: the job cannot be told, and only * matches it'],
    ['what 2 processes have open could not be seen: root sees more'],
  ]);
});

test('a container or a cgroup stands where there is no unit', () => {
  const place = (seen: Partial<Impact['seen']>) => lines([impact({}, seen)])[0]?.[3];
  const container = { runtime: 'docker', id: '0123456789ab' };
  assert.equal(place({ unit: undefined, container }), 'docker 0123456789ab');
  assert.equal(place({ unit: undefined }), '/system.slice/n');
});

test('sockets that differ in nothing that is shown have one line', () => {
  assert.deepEqual(
    lines([impact(), impact(), RESTART]).map(([fate, socket]) => `${fate} ${socket}`),
    ['refused tcp 0.0.0.0:80 (2)', 'restart tcp 0.0.0.0:80'],
  );
});

test('nothing is shown where none is concerned', () => {
  assert.equal(impactsText(capturedIo(), impacts([])), '');
});

test('the numbers are told, of what is and of what would be', () => {
  const count = (refused: number, restart: number) => ({ refused, restart });
  assert.equal(impactsSummary(count(0, 0)), undefined);
  assert.equal(impactsSummary(count(1, 0)), '1 is held against the rules');
  assert.equal(impactsSummary(count(2, 1)), '2 are held against the rules, 1 has to be restarted');
  assert.equal(wouldBeSummary(count(0, 2)), 'open now: 2 would have to be restarted');
  assert.match(wouldBeSummary(count(0, 0)), /^no socket that is open now would be refused/);
});

test('JSON has an object for each, with times in UTC', () => {
  const { sockets, ...counts } = impactsJson(impacts([impact(), RESTART], 1), 1_000_000);
  assert.deepEqual(counts, { refused: 1, restart: 1, kept: 3, notSeen: 1 });
  const [refused, restart] = sockets;
  assert.deepEqual(refused, {
    fate: 'refused',
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
    mayBeChosen: false,
  });
  assert.deepEqual(restart?.differences, [
    { what: 'BIND', has: '0.0.0.0', gets: '192.0.2.7' },
    { what: 'SHAREPORT', has: false, gets: true },
    { what: 'NODELAYACKS', has: true, gets: false },
  ]);
});
