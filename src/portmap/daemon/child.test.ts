// Tests the daemon's side of the channel: which messages of the exposed process are accepted, and which kill it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serviceAt } from '../../../test/support/service.ts';
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
  foreign: 0,
  calls: { 2: [0, 1] },
};

/** A message of each kind. */
const MESSAGES: Readonly<Record<FromPortmap['type'], object>> = {
  ready: { type: 'ready', missing: ['seccomp: EINVAL'], logFailure: '' },
  'set-aside': {
    type: 'set-aside',
    files: [{ file: 1, word: 'other-boot', reason: 'it belongs to another boot' }],
  },
  restored: { type: 'restored', count: 3 },
  event: { type: 'event', event: EVENT },
  suppressed: { type: 'suppressed', counts: { set: 1, unset: 0, refused: 0, dropped: 0 } },
  fault: { type: 'fault', stack: 'Error' },
  status: STATUS,
};

/** Invalid messages of each kind. */
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
    { type: 'suppressed', counts: { set: 1 } },
    { type: 'fault' },
    { ...STATUS, id: 'x' },
    { ...STATUS, mappings: null },
    { ...STATUS, calls: [] },
    { ...STATUS, calls: { 2: 5 } },
    { ...STATUS, calls: { 2: ['5'] } },
  ].map((message) => JSON.stringify(message)),
];

const CARRIED: Registration = {
  ...{ program: 100024, version: 1, netid: 'udp', ...serviceAt('udp', '0.0.0.0.128.5') },
  ...{ owner: 103, builtIn: false },
};

/** A process on a simulated host, and the messages that the daemon accepted. */
function started() {
  const { clock, processes } = simHost();
  const received: FromPortmap[] = [];
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
    (message) => received.push(message),
    () => {},
  );
  const process: SimChild = processes.started.at(-1) ?? assert.fail('nothing was started');
  return { child, process, received };
}

test('carried-over registrations are sent in the format of the log', () => {
  const { process } = started();
  const { carried } = JSON.parse(process.received[0] ?? '');
  const key = { kind: 'set', program: 100024, version: 1, netid: 'udp' };
  assert.deepEqual(carried, [{ ...key, uaddr: '0.0.0.0.128.5', owner: 103, isElsewhere: false }]);
});

describe('a message', () => {
  for (const [type, message] of Object.entries(MESSAGES)) {
    test(`of type ${type} is accepted`, () =>
      assert.deepEqual(readFromPortmap(JSON.stringify(message)), message));
  }

  test('of no known type is rejected', () => {
    for (const line of BROKEN) assert.equal(readFromPortmap(line), undefined, line);
  });
});

test('messages reach the daemon, and a status reaches its query', async () => {
  const { child, process, received } = started();
  process.writeLine(JSON.stringify(MESSAGES.restored));
  const queried = child.status();
  process.writeLine(JSON.stringify(STATUS));
  assert.deepEqual(await queried, STATUS);
  assert.deepEqual([received, process.signals], [[MESSAGES.restored], []]);
});

test('a process that sends an invalid message is killed, reported once, and ignored from then on', () => {
  for (const line of BROKEN) {
    const { process, received } = started();
    process.writeLine(line);
    process.writeLine(line);
    process.writeLine(JSON.stringify(MESSAGES.ready));
    assert.deepEqual([process.signals, received.map(({ type }) => type)], [['SIGKILL'], ['fault']], line);
  }
});

test('the process is started without the privileges of the daemon', () => {
  const { argv } = started().process.spec;
  const before = argv.slice(0, argv.indexOf('--'));
  assert.deepEqual(before, [
    ...['setpriv', '--reuid=60711', '--regid=60711', '--clear-groups', '--inh-caps=-all'],
    ...['--bounding-set=-all', '--no-new-privs', '--pdeathsig', 'KILL'],
  ]);
});
