// The jobs of a host at one moment: users, units, and what `run` has made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimCgroups } from '../host/sim/cgroups.ts';
import { SimFiles } from '../host/sim/files.ts';
import { jobsNow } from './jobs.ts';

test('users, units and cgroups that were made for a job', () => {
  const cgroups = new SimCgroups();
  const unit = cgroups.add('/system.slice/a.slice/b.service');
  const made = cgroups.make('/', 'WEB-1', 'WEB', 0);
  cgroups.add('/user.slice/c.service');
  const files = new SimFiles({ '/etc/passwd': 'root:x:0:0::/:/bin/sh\n' }, 1);
  const jobs = jobsNow(cgroups, files);
  assert.deepEqual(
    [jobs.cgroups, jobs.users],
    [
      new Map([
        [unit.id, 'B'],
        [made.id, 'WEB'],
      ]),
      new Map([[0, 'ROOT']]),
    ],
  );
  assert.deepEqual(jobsNow(new SimCgroups(), new SimFiles({}, 1)), {
    cgroups: new Map(),
    users: new Map(),
    leftOut: [],
  });
});
