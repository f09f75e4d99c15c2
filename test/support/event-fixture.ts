// A guard with archives of its profile and events, and the time until a client that follows events has a refusal.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { RevisionRules } from '../../src/guard/app/event-explainer.ts';
import { EVENTS_PATH, type EventLine, eventsPath } from '../../src/guard/app/events-request.ts';
import { JobMemory } from '../../src/guard/core/job-memory.ts';
import { EventFeed } from '../../src/guard/daemon/event-feed.ts';
import { EventRecording } from '../../src/guard/daemon/event-recording.ts';
import { KernelEventSource } from '../../src/guard/daemon/event-source.ts';
import { SqliteEventArchive } from '../../src/guard/linux/event-archive.ts';
import { systemClock } from '../../src/host/linux/linux-clock.ts';
import { errnoName } from '../../src/host/linux/sys/libc.ts';
import { followLines } from '../../src/kit/follow.ts';
import { StatusServer } from '../../src/kit/status-server.ts';
import type { Bind } from './binder.ts';
import type { Flood } from './flood.ts';
import { GuardFixture, jobsOf, type NamedJobs, type Who } from './guard.ts';
import { revision } from './profile-archive-cases.ts';
import { inTime } from './sandbox.ts';
import { SimProfileArchive } from './sim/profile-archive.ts';
import { PEERS } from './unix-peers.ts';

const BINDER = join(import.meta.dirname, 'binder.ts');
const FLOOD = join(import.meta.dirname, 'flood.ts');
export const FILE = '/etc/portreeve/profile.tcpip';
export const PROFILE = `PORT
  4000 TCP WEB
  4001 UDP RESERVED
`;
export const ALICE = 1000;
export const TCP4: Bind = { socket: 'tcp4', address: '127.0.0.1', port: 4000 };

/** A guard whose profile is in an archive, and an archive for its events. */
export async function onFixture(t: Pick<TestContext, 'after'>, jobs: NamedJobs = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-events-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const archive = new SqliteEventArchive(directory);
  const recorders: EventRecording[] = [];
  // Before the guard is removed, which is the next step after the test.
  t.after(() => {
    for (const events of recorders) events.stop();
    archive.close();
  });
  const fixture = await GuardFixture.open(t);
  const profiles = new SimProfileArchive();
  profiles.append(revision({ texts: [{ path: FILE, text: PROFILE }] }), 0);
  const all = {
    users: [
      [0, 'ROOT'],
      [ALICE, 'ALICE'],
    ],
    ...jobs,
  } as const;
  fixture.inForce(PROFILE, all);
  const memory = new JobMemory();
  memory.observe(jobsOf(fixture.bpf, all));
  /** Records the guard's refusals, until the test ends or it is stopped. */
  const record = (onRecorded: () => void = () => {}): EventRecording => {
    const rules = new RevisionRules(profiles, { authportJobs: [] });
    const events = new EventRecording({
      source: new KernelEventSource(fixture.kernel, fixture.bpf),
      archive,
      clock: systemClock,
      log: { warn: () => {}, error: (text) => assert.fail(text) },
      jobOf: (cgroup, uid) => memory.jobOf(cgroup, uid),
      userOf: (uid) => (uid === ALICE ? 'alice' : undefined),
      errnoName,
      rulesOf: (number) => rules.of(number),
      onRecorded,
    });
    recorders.push(events);
    events.start();
    return events;
  };
  const bind = (binds: readonly Bind[], who?: Who) =>
    fixture.run([process.execPath, BINDER, JSON.stringify({ binds })], who);
  const flood = async (task: Flood): Promise<number> => {
    const { stdout, stderr } = await fixture.run([process.execPath, FLOOD, JSON.stringify(task)]);
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  };
  return { fixture, archive, directory, memory, record, bind, flood };
}

/** For each of `count` refusals in sequence, the milliseconds until a client that follows events has its line. */
export async function reportDelays(t: Pick<TestContext, 'after'>, count: number): Promise<number[]> {
  const { archive, directory, record, bind } = await onFixture(t);
  const feed = new EventFeed({ archive, maySeeAll: () => true });
  const path = join(directory, 'status.sock');
  const server = new StatusServer(path, {}, { [EVENTS_PATH]: feed.answer }, PEERS);
  await server.open();
  t.after(() => server.close());
  record(() => feed.recorded());
  const lines = followLines(path, eventsPath({ isFollowing: true, sinceMs: 0 }));
  const delays: number[] = [];
  for (let i = 0; i < count; i++) {
    const line = lines.next();
    // The time to start and end the program is not measured: an event has the time of bind(2).
    const bound = bind([TCP4]);
    const event: EventLine = JSON.parse((await inTime('the line', line)).value ?? '');
    delays.push(Date.now() - Date.parse(event.time));
    await bound;
  }
  return delays;
}
