// The recorder of events, with a simulated clock and kernel: timing, counting, and failures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { jobCalled } from '../../../test/support/jobs.ts';
import { SIM_START_MS, SimClock } from '../../../test/support/sim/clock.ts';
import { SimEventArchive } from '../../../test/support/sim/event-archive.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { GuardEvent } from '../../base/guard-event.ts';
import {
  GUARD_BUSY_INTERVAL_MS,
  GUARD_DRAIN_MAX,
  GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX,
  GUARD_POLL_INTERVAL_MS,
} from '../../base/limits.ts';
import { EMPTY_PROFILE } from '../../profile/core/rules.ts';
import { EVENT, MODE } from '../bpf/layout.ts';
import { RefusalRules } from '../core/events.ts';
import { EventRecording, type EventSource } from './event-recording.ts';

/** The boot was this long before the clock started. */
const UP_MS = 5000;

type RecordValues = Parameters<typeof EVENT.encode>[0];

/** A kernel with the events that a test puts into it. */
class SimSource implements EventSource {
  guard = 'boot 1';
  revisionNow = 1;
  lostCount = 0;
  isClosed = false;
  readonly #clock: SimClock;
  #records: Uint8Array[] = [];
  #newest: Uint8Array[] = [];
  #wake: () => void = () => undefined;

  constructor(clock: SimClock) {
    this.#clock = clock;
  }

  put(values: RecordValues = {}, count = 1): void {
    const bytes = this.#encoded(values);
    for (let i = 0; i < count; i++) this.#records.push(bytes);
    this.#wake();
  }

  #encoded(values: RecordValues): Uint8Array {
    return EVENT.encode({
      time: BigInt(this.bootNowMs()) * 1_000_000n,
      mode: MODE.enforce,
      protocol: 6,
      family: 2,
      port: 80,
      uid: 1000,
      revision: 1,
      ...values,
    });
  }

  /** The ring buffer was full for these; the kernel keeps this many of the last ones. */
  overflow(count: number, kept: number): void {
    this.lostCount += count;
    this.#newest = Array.from({ length: kept }, () => this.#encoded({ port: 81 }));
  }

  putBytes(bytes: Uint8Array): void {
    this.#records.push(bytes);
  }

  revision(): number {
    return this.revisionNow;
  }

  lost(): number {
    return this.lostCount;
  }

  bootNowMs(): number {
    return UP_MS + this.#clock.monotonic();
  }

  drain(onRecord: (record: DataView) => void, max: number): number {
    const taken = this.#records.splice(0, max);
    for (const bytes of taken) onRecord(new DataView(bytes.buffer));
    return taken.length;
  }

  takeNewest(onRecord: (record: DataView) => void): number {
    const taken = this.#newest.splice(0);
    for (const bytes of taken) onRecord(new DataView(bytes.buffer));
    return taken.length;
  }

  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(timeoutMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A recorder in its fixture, not started yet. */
function fixture({ archive = new SimEventArchive(), known = [1] } = {}) {
  const clock = new SimClock();
  const source = new SimSource(clock);
  const messages: string[] = [];
  const requested: number[] = [];
  let recorded = 0;
  const rules = new RefusalRules(EMPTY_PROFILE, { authportJobs: [] });
  const revisions = new Set(known);
  const events = new EventRecording({
    source,
    archive,
    clock,
    log: { warn: (text) => messages.push(text), error: (text) => messages.push(text) },
    jobOf: () => jobCalled('JOB'),
    userOf: () => undefined,
    errnoName: (errno) => `E${errno}`,
    rulesOf: (revision) => {
      requested.push(revision);
      return revisions.has(revision) ? rules : undefined;
    },
    onRecorded: () => recorded++,
  });
  /** Advances the clock, and runs everything that is due. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 10; i++) await setImmediate();
    for (let passed = 0; passed < ms; passed++) {
      clock.advance(1);
      await setImmediate();
    }
  };
  const all = (): GuardEvent[] => archive.read({ after: 0, limit: 100_000 });
  return {
    clock,
    source,
    messages,
    requested,
    revisions,
    events,
    archive,
    pass,
    all,
    recorded: () => recorded,
  };
}

const sumOf = (events: readonly GuardEvent[]): number => events.reduce((sum, { count }) => sum + count, 0);

test('a refusal is in the archive at once, with its time', async () => {
  const { events, source, clock, pass, all, recorded } = fixture();
  events.start();
  await pass(1000);
  source.put();
  const at = clock.now();
  await pass(0);
  assert.deepEqual(
    all().map(({ number, kind, job, port, timeMs }) => [number, kind, job, port, timeMs]),
    [[1, 'bind', 'JOB', 80, at]],
  );
  assert.equal(at, SIM_START_MS + 1000);
  assert.equal(recorded(), 1);
  events.stop();
});

test('what happened before the start is recorded with its own time', async () => {
  const { events, source, clock, pass, all } = fixture();
  source.put();
  clock.advance(60_000);
  events.start();
  await pass(0);
  assert.deepEqual(
    all().map(({ timeMs }) => timeMs),
    [SIM_START_MS],
  );
  events.stop();
});

test('under load it reads again after a pause, and at most a fixed number at once', async () => {
  const { events, source, pass, all } = fixture();
  events.start();
  await pass(5);
  source.put({ port: 1 });
  await pass(0);
  source.put({ port: 2 });
  await pass(GUARD_BUSY_INTERVAL_MS - 1);
  assert.equal(all().length, 1);
  await pass(1);
  assert.equal(all().length, 2);
  await pass(GUARD_BUSY_INTERVAL_MS);
  source.put({ port: 3 }, GUARD_DRAIN_MAX + 1);
  await pass(GUARD_BUSY_INTERVAL_MS * 2 + 1000);
  assert.equal(sumOf(all()), GUARD_DRAIN_MAX + 3);
  events.stop();
});

test('of a flood a few are recorded, the others are counted, and none is lost', async () => {
  const { events, source, pass, all } = fixture();
  events.start();
  await pass(0);
  source.put({}, 5000);
  await pass(2000);
  const kinds = all().map(({ kind, count }) => [kind, count]);
  assert.deepEqual(kinds.at(-1), ['more', 5000 - GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX]);
  assert.equal(kinds.length, GUARD_EVENTS_SAME_KEY_PER_SECOND_MAX + 1);
  assert.equal(sumOf(all()), 5000);
  events.stop();
});

test('refusals at different times are recorded individually, however late they are read', async () => {
  const { events, source, clock, pass, all } = fixture();
  for (let second = 0; second < 50; second++) {
    source.put({}, 2);
    clock.advance(1000);
  }
  events.start();
  await pass(0);
  assert.equal(all().length, 100);
  assert.ok(all().every(({ kind }) => kind === 'bind'));
  assert.equal(all().at(-1)?.timeMs, SIM_START_MS + 49_000);
  events.stop();
});

test('stop() records what is pending and what was counted, and closes the source', async () => {
  const { events, source, all } = fixture();
  events.start();
  source.put({}, GUARD_DRAIN_MAX);
  events.stop();
  assert.equal(source.isClosed, true);
  assert.equal(sumOf(all()), GUARD_DRAIN_MAX);
  events.stop();
  assert.equal(sumOf(all()), GUARD_DRAIN_MAX);
});

test('refusals that the kernel lost are a number, once', async () => {
  const { events, source, pass, all, messages, archive } = fixture();
  source.put();
  source.lostCount = 4711;
  events.start();
  await pass(10);
  assert.deepEqual(
    all().map(({ kind, count }) => [kind, count]),
    [
      ['bind', 1],
      ['lost', 4711],
    ],
  );
  assert.match(messages.join(), /4711 refusals were only counted: no daemon was running/);
  await pass(GUARD_POLL_INTERVAL_MS * 3);
  assert.equal(all().length, 2);
  source.lostCount = 4800;
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.deepEqual([all().at(-1)?.kind, all().at(-1)?.count, archive.lost('boot 1')], ['lost', 89, 4800]);
  events.stop();
});

test('of those for which the buffer was full the newest are recorded, and the others are a number', async () => {
  const { events, source, pass, all, archive } = fixture();
  source.put();
  source.overflow(4711, 5);
  events.start();
  await pass(10);
  assert.deepEqual(
    all().map(({ kind, count, port }) => [kind, count, port]),
    [['bind', 1, 80], ...new Array(5).fill(['bind', 1, 81]), ['lost', 4706, undefined]],
  );
  // One that comes during the check is kept before it is counted, or the other way round.
  source.overflow(0, 1);
  source.overflow(1, 2);
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  source.overflow(1, 0);
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.deepEqual([sumOf(all()), archive.lost('boot 1')], [1 + 4711 + 2, 4711 + 2]);
  events.stop();
});

test('a new daemon does not count lost events again, except for another guard', async () => {
  const first = fixture();
  first.source.lostCount = 4711;
  first.events.start();
  await first.pass(0);
  first.events.stop();
  const second = fixture({ archive: first.archive });
  second.source.lostCount = 4711;
  second.events.start();
  await second.pass(0);
  second.events.stop();
  assert.equal(sumOf(first.all()), 4711);
  const other = fixture({ archive: first.archive });
  other.source.guard = 'boot 2';
  other.source.lostCount = 5;
  other.events.start();
  await other.pass(0);
  other.events.stop();
  assert.equal(sumOf(first.all()), 4716);
});

test('bytes that are not a record are counted as lost', async () => {
  const { events, source, pass, all } = fixture();
  source.putBytes(new Uint8Array(4));
  events.start();
  await pass(0);
  assert.deepEqual(
    all().map(({ kind, count }) => [kind, count]),
    [['lost', 1]],
  );
  events.stop();
});

test('the rules in force are prepared before they are needed', async () => {
  const { events, source, requested, pass } = fixture();
  events.start();
  await pass(0);
  assert.deepEqual(requested, [1]);
  source.revisionNow = 2;
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.ok(requested.includes(2));
  events.stop();
});

test('a revision that is not recorded yet is waited for a moment, once', async () => {
  const { events, source, pass, all, revisions } = fixture();
  events.start();
  await pass(0);
  source.put({ revision: 7 });
  await pass(GUARD_BUSY_INTERVAL_MS - 1);
  assert.equal(all().length, 0);
  revisions.add(7);
  await pass(1);
  assert.equal(all().length, 1);
  await pass(GUARD_BUSY_INTERVAL_MS);
  source.put({ revision: 8 });
  await pass(GUARD_BUSY_INTERVAL_MS);
  assert.equal(all().length, 2);
  await pass(GUARD_BUSY_INTERVAL_MS);
  source.put({ revision: 8 });
  await pass(0);
  assert.equal(all().length, 3);
  events.stop();
});

/** An archive that accepts nothing while it is full. */
class FullArchive extends SimEventArchive {
  isFull = true;

  override append(...args: Parameters<SimEventArchive['append']>): void {
    if (this.isFull)
      throw new PortreeveError('ARCHIVE_FAILED', 'could not open events.db: full', 'Make room.');
    super.append(...args);
  }
}

test('an unreadable archive is reported before any event, and nothing accumulates', async () => {
  const archive = new FullArchive();
  const { events, source, pass, all, messages } = fixture({ archive });
  events.start();
  await pass(0);
  assert.equal(messages.length, 1);
  source.put({}, 4000);
  await pass(10_000);
  archive.isFull = false;
  await pass(2000);
  assert.deepEqual(
    all().map(({ kind, count }) => [kind, count]),
    [['lost', 4000]],
  );
  events.stop();
});

test('a failure to record is reported once, and the number is recorded later', async () => {
  const archive = new FullArchive();
  const { events, source, pass, all, messages } = fixture({ archive });
  events.start();
  source.put({}, 20);
  await pass(5000);
  source.put({}, 20);
  await pass(5000);
  assert.deepEqual(messages, ['guard: could not record events: could not open events.db: full Make room.']);
  archive.isFull = false;
  await pass(5000);
  assert.deepEqual(
    all().map(({ kind, count }) => [kind, count]),
    [['lost', 40]],
  );
  source.put();
  await pass(0);
  assert.equal(sumOf(all()), 41);
  events.stop();
});
