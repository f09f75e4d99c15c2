// The daemon's side of the channel: what the process that reads from the network may say, and what ends it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place } from '../../../test/support/service.ts';
import { simHost } from '../../../test/support/sim/host.ts';
import type { SimChild } from '../../../test/support/sim/processes.ts';
import type { Registration } from '../core/registrations.ts';
import { PortmapChild } from './child.ts';
import { type FromPortmap, readFromPortmap } from './messages.ts';

const EVENT = {
  ...{ what: 'set', reason: '', program: 100005, version: 3, netid: 'udp', address: '0.0.0.0.3.255' },
  ...{ uid: 1000, from: 'local' },
};
const STATUS = {
  type: 'status',
  id: 1,
  connections: 0,
  unsent: 0,
  mappings: 6,
  elsewhere: 0,
  calls: { 2: [0, 1] },
};

/** A message of each kind. */
const MESSAGES: Readonly<Record<FromPortmap['type'], object>> = {
  ready: { type: 'ready', missing: ['seccomp: EINVAL'], logFailure: '' },
  'set-aside': {
    type: 'set-aside',
    files: [{ file: 1, word: 'other-boot', reason: 'it is of another boot' }],
  },
  restored: { type: 'restored', count: 3 },
  event: { type: 'event', event: EVENT },
  more: { type: 'more', counts: { set: 1, unset: 0, refused: 0, dropped: 0 } },
  fault: { type: 'fault', stack: 'Error' },
  status: STATUS,
};

/** What no process of ours writes, of each kind. */
const BROKEN: readonly string[] = [
  ...[
    '',
    'x',
    'null',
    '1',
    '"ready"',
    '[]',
    '{}',
    '{"type":1}',
    '{"type":"constructor"}',
    '{"type":"other"}',
  ],
  ...[
    { type: 'ready' },
    { type: 'ready', missing: 'x', logFailure: '' },
    { type: 'ready', missing: [1], logFailure: '' },
    { type: 'set-aside' },
    { type: 'set-aside', files: [null] },
    { type: 'set-aside', files: [{ file: 2, word: 'damaged', reason: '' }] },
    { type: 'set-aside', files: [{ file: '0', word: 'damaged', reason: '' }] },
    { type: 'set-aside', files: [{ file: 0, word: 'x/../../../etc/cron.d/x', reason: '' }] },
    { type: 'set-aside', files: [{ file: 0, word: 'damaged' }] },
    { type: 'restored', count: '3' },
    { type: 'event' },
    { type: 'event', event: { ...EVENT, program: 'x' } },
    { type: 'event', event: { ...EVENT, uid: 'root' } },
    { type: 'event', event: { ...EVENT, reason: undefined } },
    { type: 'more', counts: { set: 1 } },
    { type: 'fault' },
    { ...STATUS, id: 'x' },
    { ...STATUS, mappings: null },
    { ...STATUS, calls: [] },
    { ...STATUS, calls: { 2: 5 } },
    { ...STATUS, calls: { 2: ['5'] } },
  ].map((message) => JSON.stringify(message)),
];

const CARRIED: Registration = {
  ...{ program: 100024, version: 1, netid: 'udp', ...place('udp', '0.0.0.0.128.5') },
  ...{ owner: 103, builtIn: false },
};

/** A process on a simulated host, and what the daemon has heard of it. */
function started() {
  const { clock, processes } = simHost();
  const heard: FromPortmap[] = [];
  const parts = {
    ...{ endpoints: [], routeFd: 10, diagFd: 11, logFds: [12, 13] as const, stamp: 'boot' },
    carried: [CARRIED],
    ...{ privilegedStartFd: undefined, grantedFd: undefined },
    program: { entry: 'portmap.js', node: 'node', nodeFd: undefined, release: () => {} },
    identity: { uid: 60711, gid: 60711 },
  };
  const child = new PortmapChild(
    { processes, clock },
    parts,
    (message) => heard.push(message),
    () => {},
  );
  const process: SimChild = processes.started.at(-1) ?? assert.fail('nothing was started');
  return { child, process, heard };
}

test('registrations to begin with are sent as the log has them', () => {
  const { process } = started();
  const { carried } = JSON.parse(process.received[0] ?? '');
  const key = { kind: 'set', program: 100024, version: 1, netid: 'udp' };
  assert.deepEqual(carried, [{ ...key, uaddr: '0.0.0.0.128.5', owner: 103, isElsewhere: false }]);
});

describe('a line of the process', () => {
  for (const [type, message] of Object.entries(MESSAGES)) {
    test(`that is ${type} is read`, () =>
      assert.deepEqual(readFromPortmap(JSON.stringify(message)), message));
  }

  test('that is none of these is none', () => {
    for (const line of BROKEN) assert.equal(readFromPortmap(line), undefined, line);
  });
});

test('what it says comes to the daemon, and its status to who has asked', async () => {
  const { child, process, heard } = started();
  process.writeLine(JSON.stringify(MESSAGES.restored));
  const asked = child.status();
  process.writeLine(JSON.stringify(STATUS));
  assert.deepEqual(await asked, STATUS);
  assert.deepEqual([heard, process.signals], [[MESSAGES.restored], []]);
});

test('a process that says anything else is ended, told of once, and not heard any more', () => {
  for (const line of BROKEN) {
    const { process, heard } = started();
    process.writeLine(line);
    process.writeLine(line);
    process.writeLine(JSON.stringify(MESSAGES.ready));
    assert.deepEqual([process.signals, heard.map(({ type }) => type)], [['SIGKILL'], ['fault']], line);
  }
});

test('it is started without the privileges of the daemon', () => {
  const { argv } = started().process.spec;
  const before = argv.slice(0, argv.indexOf('--'));
  assert.deepEqual(before, [
    ...['setpriv', '--reuid=60711', '--regid=60711', '--clear-groups', '--inh-caps=-all'],
    ...['--bounding-set=-all', '--no-new-privs', '--pdeathsig', 'KILL'],
  ]);
});
