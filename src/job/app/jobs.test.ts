// The current jobs of a host: users, units, and cgroups that `run` created.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { jobCalled as jobCalledHere, jobsNow } from './jobs.ts';

test('users, units, and cgroups that were created for a job have jobs', () => {
  const cgroups = new SimCgroups();
  const unit = cgroups.add('/system.slice/a.slice/b.service');
  const jobCgroup = cgroups.make('/', 'WEB-1', 'WEB', 0);
  cgroups.add('/user.slice/c.service');
  const files = new SimFiles({ '/etc/passwd': 'root:x:0:0::/:/bin/sh\n' }, 1);
  const jobs = jobsNow(cgroups, files);
  assert.deepEqual(
    [jobs.cgroups, jobs.users],
    [
      new Map([
        [unit.id, jobCalled('B')],
        [jobCgroup.id, jobCalled('WEB')],
      ]),
      new Map([[0, jobCalled('ROOT')]]),
    ],
  );
  assert.deepEqual(jobsNow(new SimCgroups(), new SimFiles({}, 1)), {
    cgroups: new Map(),
    users: new Map(),
    problems: [],
    units: [],
  });
});

test('finds a job by its name, or by a unit including its aliases', () => {
  const files = new SimFiles({ '/etc/systemd/system/web.socket': '[Socket]\nService=nginx.service\n' }, 1);
  const names = (text: string) => {
    const { name, aliases } = jobCalledHere(text, files);
    return [name, ...aliases].join(' ');
  };
  assert.equal(names('web'), 'WEB');
  assert.equal(names('postgresql@15'), 'POSTGRESQL@15');
  assert.equal(names('postgresql@15.service'), 'POSTGRESQL@15 POSTGRESQL');
  assert.equal(names('web.socket'), 'WEB NGINX');
  assert.throws(() => jobCalledHere('a\\x2db.service', files), { code: 'JOB_INVALID' });
});
