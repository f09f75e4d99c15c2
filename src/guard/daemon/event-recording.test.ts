// The recorder of events, with a simulated clock and kernel: what comes when, what is counted, and what goes wrong.
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

/** The boot was so long before the clock began. */
const UP_MS = 5000;

type RecordValues = Parameters<typeof EVENT.encode>[0];

/** A kernel that has what a test puts into it. */
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

  /** The kernel has no room for the first of them, and keeps so many of the last. */
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

/** A recorder on its stage, not started yet. */
function fixture({ archive = new SimEventArchive(), known = [1] } = {}) {
  const clock = new SimClock();
  const source = new SimSource(clock);
  const said: string[] = [];
  const asked: number[] = [];
  let recorded = 0;
  const rules = new RefusalRules(EMPTY_PROFILE, { authportJobs: [] });
  const revisions = new Set(known);
  const events = new EventRecording({
    source,
    archive,
    clock,
    log: { warn: (text) => said.push(text), error: (text) => said.push(text) },
    jobOf: () => jobCalled('JOB'),
    userOf: () => undefined,
    errnoName: (errno) => `E${errno}`,
    rulesOf: (revision) => {
      asked.push(revision);
      return revisions.has(revision) ? rules : undefined;
    },
    onRecorded: () => recorded++,
  });
  /** Lets time pass, and all happen that comes of it. */
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < 10; i++) await setImmediate();
    for (let passed = 0; passed < ms; passed++) {
      clock.advance(1);
      await setImmediate();
    }
  };
  const all = (): GuardEvent[] => archive.read({ after: 0, limit: 100_000 });
  return { clock, source, said, asked, revisions, events, archive, pass, all, recorded: () => recorded };
}

const sumOf = (events: readonly GuardEvent[]): number => events.reduce((sum, { count }) => sum + count, 0);

test('a refusal is in the archive at once, with the time at which it was', async () => {
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

test('what was there before it began is recorded with its own time', async () => {
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

test('while there is much it looks again after a pause, and takes only so many at once', async () => {
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

test('of a flood a few are recorded, the others are counted, and no count is lost', async () => {
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

test('what comes apart in time is recorded one by one, however late it is read', async () => {
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

test('stop() records what is there and what was counted, and closes the source', async () => {
  const { events, source, all } = fixture();
  events.start();
  source.put({}, GUARD_DRAIN_MAX);
  events.stop();
  assert.equal(source.isClosed, true);
  assert.equal(sumOf(all()), GUARD_DRAIN_MAX);
  events.stop();
  assert.equal(sumOf(all()), GUARD_DRAIN_MAX);
});

test('what the kernel had no room for is a number, once', async () => {
  const { events, source, pass, all, said, archive } = fixture();
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
  assert.match(said.join(), /4711 refusals were counted and not recorded: .*nobody recorded them/);
  await pass(GUARD_POLL_INTERVAL_MS * 3);
  assert.equal(all().length, 2);
  source.lostCount = 4800;
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.deepEqual([all().at(-1)?.kind, all().at(-1)?.count, archive.lost('boot 1')], ['lost', 89, 4800]);
  events.stop();
});

test('of those that found no room the newest are recorded, and the others are a number', async () => {
  const { events, source, pass, all, archive } = fixture();
  source.put();
  source.overflow(4711, 5);
  events.start();
  await pass(10);
  assert.deepEqual(
    all().map(({ kind, count, port }) => [kind, count, port]),
    [['bind', 1, 80], ...new Array(5).fill(['bind', 1, 81]), ['lost', 4706, undefined]],
  );
  // One that comes while it is looked is kept before it is counted, or the other way round.
  source.overflow(0, 1);
  source.overflow(1, 2);
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  source.overflow(1, 0);
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.deepEqual([sumOf(all()), archive.lost('boot 1')], [1 + 4711 + 2, 4711 + 2]);
  events.stop();
});

test('another daemon does not count again what is known to be lost, but for another guard', async () => {
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

test('bytes that are no record are counted as lost', async () => {
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

test('the rules in force are made ready before they are needed', async () => {
  const { events, source, asked, pass } = fixture();
  events.start();
  await pass(0);
  assert.deepEqual(asked, [1]);
  source.revisionNow = 2;
  await pass(GUARD_POLL_INTERVAL_MS * 2);
  assert.ok(asked.includes(2));
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

/** An archive that takes nothing while it is full. */
class FullArchive extends SimEventArchive {
  isFull = true;

  override append(...args: Parameters<SimEventArchive['append']>): void {
    if (this.isFull) throw new PortreeveError('ARCHIVE_FAILED', 'cannot use events.db: full', 'Make room.');
    super.append(...args);
  }
}

test('an archive that cannot be read is said before anything happens, and nothing piles up', async () => {
  const archive = new FullArchive();
  const { events, source, pass, all, said } = fixture({ archive });
  events.start();
  await pass(0);
  assert.equal(said.length, 1);
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

test('what cannot be recorded is said once, and its number recorded when it can be', async () => {
  const archive = new FullArchive();
  const { events, source, pass, all, said } = fixture({ archive });
  events.start();
  source.put({}, 20);
  await pass(5000);
  source.put({}, 20);
  await pass(5000);
  assert.deepEqual(said, ['guard: events are not recorded: cannot use events.db: full Make room.']);
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
