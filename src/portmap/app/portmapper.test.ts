/** Tests that acknowledged changes hold wherever the port mapper is killed, and that a full disk stops only changes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  callGetPort,
  callSet,
  callUnset,
  type EntryArguments,
  registered,
} from '../../../test/support/portmap-calls.ts';
import { OWN_ENTRIES, portmapService } from '../../../test/support/service.ts';
import { SimClock } from '../../../test/support/sim/clock.ts';
import { SimDisk, SimKilled, type SimLogFile } from '../../../test/support/sim/log-file.ts';
import { simPeer } from '../../../test/support/sim/peer.ts';
import { SimSocketTable } from '../../../test/support/sim/socket-table.ts';
import { EVENTS_PER_SECOND_MAX, LOG_COMPACT_MIN_BYTES } from '../../base/limits.ts';
import { NETIDS, type NetId } from '../../base/netid.ts';
import type { LogFile } from '../../host/host.ts';
import type { EventListener } from '../core/events.ts';
import type { LoggedSet } from '../wire/registration-log.ts';
import type { SetAside } from './journal.ts';
import { Portmapper } from './portmapper.ts';

/** More than an UNSET and its SET take. */
const PAIR_MIN_BYTES = 64;
const NEVER = Number.POSITIVE_INFINITY;

/** A file that lets a test inspect it in the middle and at the end of every operation. */
class WatchedFile implements LogFile {
  readonly #file: SimLogFile;
  readonly #onMoment: () => void;
  #writes = 0;

  constructor(file: SimLogFile, onMoment: () => void) {
    this.#file = file;
    this.#onMoment = onMoment;
  }

  read(): Uint8Array {
    return this.#file.read();
  }

  /** Each write is torn at another offset. */
  write(bytes: Uint8Array, at: number): string | undefined {
    const cut = (this.#writes++ * 31) % (bytes.length + 1);
    const failure = this.#file.write(bytes.subarray(0, cut), at);
    this.#onMoment();
    if (failure !== undefined) return failure;
    const rest = this.#file.write(bytes.subarray(cut), at + cut);
    this.#onMoment();
    return rest;
  }

  truncate(length: number): void {
    this.#file.truncate(length);
    this.#onMoment();
  }
}

/** A listener that ignores events. A process that is killed reports no fault. */
const DEAF: EventListener = {
  onEvent: () => undefined,
  onSuppressed: () => undefined,
  onFault: () => {
    throw new SimKilled();
  },
};

function portmapperOn(
  logFiles: readonly [LogFile, LogFile],
  clock = new SimClock(),
  carried: readonly LoggedSet[] = [],
) {
  const portmapper = new Portmapper({
    clock,
    sockets: new SimSocketTable(),
    logFiles,
    stamp: 'boot 1',
    listener: DEAF,
  });
  const { count, setAside } = portmapper.recover(OWN_ENTRIES, carried);
  return { portmapper, count, setAside };
}

/** Registrations by key, with address and owner. */
type Model = ReadonlyMap<string, string>;

function modelOf(entries: readonly string[]): Model {
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf(' ', entry.indexOf(' ') + 1)), entry]));
}

/** A header that was written partially is the only damage that a kill can leave: that file had no records in use. */
function assertOnlyHeaders(setAside: readonly SetAside[]): void {
  for (const { reason } of setAside) assert.equal(reason, 'its header is damaged');
}

/** A host on which a port mapper is killed and restarted. It records what would be recovered after every operation. */
class Sandbox {
  readonly disk = new SimDisk();
  readonly clock = new SimClock();
  readonly #files = [this.disk.file(), this.disk.file()] as const;
  readonly #watched = [this.#watch(0), this.#watch(1)] as const;
  #portmapper: Portmapper | undefined;
  moments: Model[] = [];
  isWatching = true;

  #watch(file: 0 | 1): WatchedFile {
    return new WatchedFile(this.#files[file], () => {
      if (this.isWatching) this.moments.push(this.recovered());
    });
  }

  get portmapper(): Portmapper {
    return this.#portmapper ?? assert.fail('it is not started');
  }

  get logBytes(): number {
    return Math.max(...this.#files.map(({ length }) => length));
  }

  /** What a port mapper that is started now reads from the files. */
  recovered(): Model {
    const copies = [
      new SimDisk().file(this.#files[0].read()),
      new SimDisk().file(this.#files[1].read()),
    ] as const;
    const { portmapper, setAside } = portmapperOn(copies);
    assertOnlyHeaders(setAside);
    return modelOf(registered(portmapper.service));
  }

  /** Starts it, again if it is killed while it starts. */
  start(): void {
    for (;;) {
      try {
        const { portmapper, setAside } = portmapperOn(this.#watched, this.clock);
        assertOnlyHeaders(setAside);
        this.#portmapper = portmapper;
        portmapper.startLog();
        return;
      } catch (thrown) {
        if (!(thrown instanceof SimKilled)) throw thrown;
        this.disk.killAfterBytes = NEVER;
      }
    }
  }
}

interface Change {
  readonly kind: 'set' | 'unset';
  readonly entry: EntryArguments;
  readonly uid: number;
}

type Step =
  | Change
  | { readonly kind: 'restart' | 'room' | 'tick' }
  | { readonly kind: 'kill' | 'fill'; readonly bytes: number };

/** From another network namespace, so that it is not dropped for want of a socket. */
const callerOf = (uid: number) => simPeer('local', { uid, isElsewhere: true });

/** The table after a change that is permitted and made; for UNSET what it may remove. */
function intended(before: Model, { kind, entry, uid }: Change): Model {
  const { program, version = 1, netid = '', uaddr = '' } = entry;
  const after = new Map(before);
  const netids = netid === '' ? NETIDS : [netid];
  for (const key of netids.map((one) => `${program}/${version} ${one}`)) {
    if (kind === 'unset') after.delete(key);
    else if (!after.has(key)) after.set(key, `${key} ${uaddr} ${uid}`);
  }
  return after;
}

/** Each entry is as before or as after a change, and there is no other. */
function assertBetween(found: Model, before: Model, after: Model): void {
  for (const key of new Set([...found.keys(), ...before.keys(), ...after.keys()])) {
    const value = found.get(key);
    assert.ok(value === before.get(key) || value === after.get(key), `${key}: ${value}`);
  }
}

/** Makes a change; returns the table after it. */
function change(sandbox: Sandbox, before: Model, step: Change): Model {
  const after = intended(before, step);
  const ask = step.kind === 'set' ? callSet : callUnset;
  try {
    const isDone = ask(sandbox.portmapper.service, callerOf(step.uid), step.entry);
    const now = modelOf(registered(sandbox.portmapper.service));
    if (isDone) assertAcknowledged(now, before, after, step);
    else if (step.kind === 'set') assert.deepEqual(now, before);
    assertBetween(now, before, after);
    return now;
  } catch (thrown) {
    if (!(thrown instanceof SimKilled)) throw thrown;
    sandbox.disk.killAfterBytes = NEVER;
    sandbox.start();
    const now = modelOf(registered(sandbox.portmapper.service));
    assertBetween(now, before, after);
    return now;
  }
}

/** TRUE was answered: it was permitted and made. */
function assertAcknowledged(now: Model, before: Model, after: Model, { uid }: Change): void {
  assert.deepEqual(new Map([...now].toSorted()), new Map([...after].toSorted()));
  const removed = [...before].filter(([key]) => !after.has(key));
  for (const [, entry] of removed)
    assert.ok(uid === 0 || entry.endsWith(` ${uid}`), `${uid} removed ${entry}`);
}

/** Performs one step; returns the table after it. */
function take(sandbox: Sandbox, before: Model, step: Step): Model {
  const { disk, clock } = sandbox;
  switch (step.kind) {
    case 'set':
    case 'unset':
      return change(sandbox, before, step);
    case 'kill':
      disk.killAfterBytes = step.bytes;
      return before;
    case 'fill':
      disk.capacityBytes = disk.usedBytes + step.bytes;
      return before;
    case 'room':
      disk.capacityBytes = NEVER;
      return before;
    case 'restart':
      sandbox.start();
      return before;
    case 'tick':
      disk.killAfterBytes = NEVER;
      clock.advance(1000);
      sandbox.portmapper.tick(clock.monotonic());
      return before;
  }
}

const entry = fc.record({ program: fc.integer({ min: 1, max: 3 }), version: fc.integer({ min: 1, max: 2 }) });
const uid = fc.constantFrom(0, 1000, 1001);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      uid,
      entry: fc
        .tuple(entry, fc.constantFrom('udp', 'tcp'), fc.constantFrom('0.0.0.0.8.1', '0.0.0.0.8.2'))
        .map(([one, netid, uaddr]) => ({ ...one, netid, uaddr })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('unset' as const),
      uid,
      entry: fc.tuple(entry, fc.constantFrom('udp', 'tcp', '')).map(([one, netid]) => ({ ...one, netid })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'room', 'tick') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), bytes: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fill' as const), bytes: fc.nat(400) }) },
);

test('acknowledged changes hold wherever the process is killed', () => {
  let moments = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), (steps) => {
      const sandbox = new Sandbox();
      let model: Model = new Map();
      sandbox.start();
      for (const next of steps) {
        const before = model;
        sandbox.moments = [];
        model = take(sandbox, before, next);
        for (const moment of sandbox.moments) assertBetween(moment, before, model);
        assert.deepEqual(sandbox.recovered(), model);
        moments += sandbox.moments.length;
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(moments > 30_000, `${moments} moments were checked`);
});

test('rewriting a long log loses nothing at any moment', () => {
  const sandbox = new Sandbox();
  sandbox.isWatching = false;
  sandbox.start();
  const { service } = sandbox.portmapper;
  const owner = callerOf(1000);
  for (let program = 1; program <= 2000; program++) assert.ok(callSet(service, owner, { program }));
  for (let i = 0; i * PAIR_MIN_BYTES < LOG_COMPACT_MIN_BYTES; i++) {
    assert.ok(callUnset(service, owner, { program: 1 }));
    assert.ok(callSet(service, owner, { program: 1 }));
  }
  const model = modelOf(registered(service).toSorted());
  const before = sandbox.logBytes;
  assert.ok(before > LOG_COMPACT_MIN_BYTES);
  sandbox.isWatching = true;
  sandbox.portmapper.tick(0);
  assert.ok(sandbox.moments.length > 6, 'it is written in several pieces');
  for (const moment of sandbox.moments) assert.deepEqual(new Map([...moment].toSorted()), model);
  sandbox.isWatching = false;
  sandbox.start();
  assert.ok(sandbox.logBytes < before / 2, 'both files are short now');
  assert.equal(registered(sandbox.portmapper.service).length, 2000);
});

describe('registrations are restored after a restart', () => {
  test('in order, with owners, sockets and ports', () => {
    const disk = new SimDisk();
    const files = [disk.file(), disk.file()] as const;
    const clock = new SimClock();
    const sockets = new SimSocketTable();
    const started = () => {
      const portmapper = new Portmapper({ clock, sockets, logFiles: files, stamp: 'boot 1', listener: DEAF });
      const { count } = portmapper.recover(OWN_ENTRIES);
      portmapper.startLog();
      return { portmapper, service: portmapper.service, count };
    };
    const user = simPeer('tcp', { uid: 1000 });
    const { close } = sockets.open({ netid: 'udp', port: 2049, uid: 1000 });
    const before = started();
    callSet(before.service, user, { program: 7 });
    callSet(before.service, callerOf(1001), { program: 5, netid: 'tcp' });
    before.portmapper.run();
    const after = started();
    assert.deepEqual([before.count, after.count], [0, 2]);
    assert.deepEqual(registered(after.service), registered(before.service));
    assert.equal(callGetPort(after.service, user, 7), 2049);
    assert.deepEqual(after.portmapper.report().foreign, 1);
    assert.equal(callUnset(after.service, user, { program: 5 }), false);
    close();
    // Its socket is known from the log: the reason is "its socket is gone", not "it never had a socket".
    for (const now of [0, 3000]) after.portmapper.tick(now);
    assert.deepEqual(registered(after.service), ['5/1 tcp 0.0.0.0.8.1 1001']);
  });

  test('together with those carried over from another port mapper, which are in the log from then on', () => {
    const disk = new SimDisk();
    const files = [disk.file(), disk.file()] as const;
    const first = portmapperOn(files).portmapper;
    first.startLog();
    callSet(first.service, callerOf(1000), { program: 7 });
    const carried = [7, 8].map((program) => {
      const entry = { kind: 'set', program, version: 1, netid: 'udp', uaddr: '0.0.0.0.9.1' } as const;
      return { ...entry, owner: 0, isElsewhere: false, socket: undefined };
    });
    const { portmapper } = portmapperOn(files, new SimClock(), carried);
    portmapper.startLog();
    const expected = ['7/1 udp 0.0.0.0.9.1 0', '8/1 udp 0.0.0.0.9.1 0'];
    assert.deepEqual(registered(portmapper.service), expected);
    assert.deepEqual(registered(portmapperOn(files).portmapper.service), expected);
  });

  test('in canonical text and without invalid addresses, whatever a log of another version has', () => {
    const logged = (program: number, netid: NetId, uaddr: string): LoggedSet => {
      return {
        kind: 'set',
        program,
        version: 1,
        netid,
        uaddr,
        owner: 0,
        isElsewhere: true,
        socket: undefined,
      };
    };
    const carried = [
      logged(7, 'udp6', '0:0::0.008.1'),
      logged(8, 'udp', '::.8.1'),
      logged(8, 'tcp', '0.0.0.0.0.0'),
      logged(8, 'local', '/run/\u001b.sock'),
      logged(9, 'local', '@x'),
    ];
    const disk = new SimDisk();
    const { portmapper, count } = portmapperOn([disk.file(), disk.file()], new SimClock(), carried);
    portmapper.startLog();
    const expected = ['7/1 udp6 ::.8.1 0', '9/1 local @x 0'];
    assert.deepEqual([count, registered(portmapper.service)], [2, expected]);
    const entry = { program: 7, netid: 'udp6', uaddr: '::.8.1' };
    assert.equal(callSet(portmapper.service, callerOf(0), entry), true, 'the same address again');
  });

  test('but not in another boot', () => {
    const disk = new SimDisk();
    const files = [disk.file(), disk.file()] as const;
    const { portmapper } = portmapperOn(files);
    portmapper.startLog();
    callSet(portmapper.service, callerOf(0), { program: 7 });
    assert.equal(portmapperOn(files).count, 1);
    const parts = { clock: new SimClock(), sockets: new SimSocketTable(), logFiles: files, listener: DEAF };
    const { count, setAside } = new Portmapper({ ...parts, stamp: 'boot 2' }).recover(OWN_ENTRIES);
    assert.equal(count, 0);
    assert.deepEqual(
      setAside.map(({ word, reason }) => [word, reason]),
      [['other-boot', 'it belongs to boot 1, not boot 2']],
    );
  });
});

test('on a full disk SET and UNSET are FALSE and lookups continue; with space again changes are made', () => {
  const { service, disk, events } = portmapService();
  const root = simPeer('local');
  assert.ok(callSet(service, root, { program: 7 }));
  disk.capacityBytes = 0;
  assert.equal(callSet(service, root, { program: 8 }), false);
  assert.equal(callUnset(service, root, { program: 7 }), false);
  assert.deepEqual([callGetPort(service, root, 7), callGetPort(service, root, 8)], [2049, 0]);
  assert.deepEqual(
    events.slice(1).map(({ what, program, reason }) => [what, program, reason]),
    [
      ['refused', 8, 'the log cannot be written (ENOSPC)'],
      ['refused', 7, 'the log cannot be written (ENOSPC)'],
    ],
  );
  disk.capacityBytes = NEVER;
  assert.equal(callSet(service, root, { program: 8 }), true);
  assert.equal(callUnset(service, root, { program: 7 }), true);
});

test('a flood of refusals is reported in part and counted completely', () => {
  const { service, events, counts, pass } = portmapService();
  const stranger = simPeer('udp', { refused: 'UNKNOWN' });
  pass(100);
  for (let i = 0; i < 1000; i++) assert.equal(callSet(service, stranger, { program: 7 }), false);
  assert.equal(events.length, EVENTS_PER_SECOND_MAX);
  pass(1000);
  assert.deepEqual(counts, [{ set: 0, unset: 0, refused: 1000 - EVENTS_PER_SECOND_MAX, dropped: 0 }]);
});
