// The jobs of cgroups and users, also of those that went a moment ago.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JobName, parseJobName, UNKNOWN_JOB } from '../../base/job.ts';
import { VANISHED_CGROUPS_MAX } from '../../base/limits.ts';
import { JobMemory } from './job-memory.ts';

const WEB = parseJobName('WEB');
const ALICE = parseJobName('ALICE');

const jobs = (
  cgroups: readonly (readonly [bigint, JobName])[] = [],
  users: readonly (readonly [number, JobName])[] = [],
) => ({ cgroups: new Map(cgroups), users: new Map(users) });

test('the cgroup first, then the user, else UNKNOWN', () => {
  const memory = new JobMemory();
  assert.equal(memory.jobOf(7n, 1000), UNKNOWN_JOB);
  memory.see(jobs([[7n, WEB]], [[1000, ALICE]]));
  assert.equal(memory.jobOf(7n, 1000), WEB);
  assert.equal(memory.jobOf(8n, 1000), ALICE);
  assert.equal(memory.jobOf(8n, 1001), UNKNOWN_JOB);
});

test('a cgroup that is gone was what it was, until another one has its number', () => {
  const memory = new JobMemory();
  memory.see(jobs([[7n, WEB]], [[1000, ALICE]]));
  memory.see(jobs());
  memory.see(jobs());
  assert.equal(memory.jobOf(7n, 1000), WEB);
  assert.equal(memory.jobOf(8n, 1000), UNKNOWN_JOB);
  memory.see(jobs([[7n, ALICE]]));
  assert.equal(memory.jobOf(7n, 1000), ALICE);
});

test('of very many that are gone the first are forgotten', () => {
  const memory = new JobMemory();
  const ids = Array.from({ length: VANISHED_CGROUPS_MAX + 1 }, (_, i) => BigInt(i + 1));
  memory.see(jobs(ids.map((id) => [id, WEB])));
  memory.see(jobs());
  assert.equal(memory.jobOf(1n, 0), UNKNOWN_JOB);
  assert.equal(memory.jobOf(2n, 0), WEB);
});
