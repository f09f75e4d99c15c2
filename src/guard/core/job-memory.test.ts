// The jobs of cgroups and users, including cgroups that were just removed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, jobNamed, parseJobName, UNKNOWN_JOB } from '../../base/job.ts';
import { VANISHED_CGROUPS_MAX } from '../../base/limits.ts';
import { JobMemory } from './job-memory.ts';

const UNKNOWN = jobNamed(UNKNOWN_JOB);
const WEB = jobNamed(parseJobName('WEB'));
const ALICE = jobNamed(parseJobName('ALICE'));

const jobs = (
  cgroups: readonly (readonly [bigint, Job])[] = [],
  users: readonly (readonly [number, Job])[] = [],
) => ({ cgroups: new Map(cgroups), users: new Map(users) });

test('the cgroup first, then the user, otherwise UNKNOWN', () => {
  const memory = new JobMemory();
  assert.deepEqual(memory.jobOf(7n, 1000), UNKNOWN);
  memory.observe(jobs([[7n, WEB]], [[1000, ALICE]]));
  assert.deepEqual(memory.jobOf(7n, 1000), WEB);
  assert.deepEqual(memory.jobOf(8n, 1000), ALICE);
  assert.deepEqual(memory.jobOf(8n, 1001), UNKNOWN);
});

test('a removed cgroup keeps its job, until another one has its number', () => {
  const memory = new JobMemory();
  memory.observe(jobs([[7n, WEB]], [[1000, ALICE]]));
  memory.observe(jobs());
  memory.observe(jobs());
  assert.deepEqual(memory.jobOf(7n, 1000), WEB);
  assert.deepEqual(memory.jobOf(8n, 1000), UNKNOWN);
  memory.observe(jobs([[7n, ALICE]]));
  assert.deepEqual(memory.jobOf(7n, 1000), ALICE);
});

test('of very many removed cgroups the first are forgotten', () => {
  const memory = new JobMemory();
  const ids = Array.from({ length: VANISHED_CGROUPS_MAX + 1 }, (_, i) => BigInt(i + 1));
  memory.observe(jobs(ids.map((id) => [id, WEB])));
  memory.observe(jobs());
  assert.deepEqual(memory.jobOf(1n, 0), UNKNOWN);
  assert.deepEqual(memory.jobOf(2n, 0), WEB);
});
