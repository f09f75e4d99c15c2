// The jobs of system units, users, and cgroups that were created for a job.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { pickUnit } from '../../base/unit.ts';
import { parsePasswd } from '../../text/passwd.ts';
import { jobsOf } from './naming.ts';

/** The jobs by path on a host with these cgroups, which belong to root unless a uid is given. */
function unitJobs(paths: readonly (string | [path: string, uid: number])[], root?: string) {
  const sim = new SimCgroups();
  for (const each of paths) {
    const [path, uid] = typeof each === 'string' ? [each] : each;
    sim.add(path, uid);
  }
  const cgroups = sim.list('/', () => 'enter');
  const { cgroups: jobs, problems } = jobsOf({ cgroups, made: [], accounts: [] }, root);
  const pathOf = (id: bigint) => cgroups.find((group) => group.id === id)?.path;
  return { jobs: Object.fromEntries([...jobs].map(([id, { name }]) => [pathOf(id), name])), problems };
}

describe('a system unit', () => {
  test('has the job of its uppercase name without .service', () => {
    const { jobs, problems } = unitJobs(['/system.slice/nginx.service', '/system.slice/php8.2-fpm.service']);
    assert.deepEqual(jobs, {
      '/system.slice/nginx.service': 'NGINX',
      '/system.slice/php8.2-fpm.service': 'PHP8.2-FPM',
    });
    assert.deepEqual(problems, []);
  });

  test('may be a socket, in any slice or in none', () => {
    const paths = [
      '/nginx.service',
      '/other.slice/other-web.slice/nginx.service',
      '/system.slice/nginx.socket',
    ];
    assert.deepEqual(unitJobs(paths).jobs, Object.fromEntries(paths.map((path) => [path, 'NGINX'])));
  });

  test('may be in nested slices, and an instance of a template', () => {
    const path = '/system.slice/system-a.slice/system-a-b.slice/getty@tty1.service';
    assert.deepEqual(unitJobs([path]).jobs, { [path]: 'GETTY@TTY1' });
  });

  test('whose name looks like a kernel file is prefixed with an underscore', () => {
    const path = '/system.slice/_cgroup.watch.service';
    assert.deepEqual(unitJobs([path, '/system.slice/__rpc.service']).jobs, {
      [path]: 'CGROUP.WATCH',
      '/system.slice/__rpc.service': '_RPC',
    });
  });

  test('covers the cgroups below it, whatever their names', () => {
    const { jobs } = unitJobs([
      '/system.slice/foo.service/nginx.service',
      '/system.slice/foo.service/system.slice/nginx.service',
      '/system.slice/foo.service/a.slice/nginx.service',
    ]);
    assert.deepEqual(jobs, { '/system.slice/foo.service': 'FOO' });
  });

  const others = [
    '/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service',
    '/user.slice/nginx.service',
    '/system.slice/docker-1.scope/nginx.service',
    '/system.slice/docker-1.scope/system.slice/nginx.service',
    '/system.slice/nginx.mount',
    '/system.slice/nginx.service.d',
    '/system.slicex/nginx.service',
    '/a/system.slice/nginx.service',
  ];
  for (const path of others) test(`is not ${path}`, () => assert.deepEqual(unitJobs([path]).jobs, {}));

  test('is ignored in a slice that belongs to another user, but may itself belong to one', () => {
    const [inner, outer] = ['/system.slice/a.slice/nginx.service', '/system.slice/nginx.service'];
    assert.deepEqual(
      unitJobs([
        ['/system.slice/a.slice', 1000],
        [inner, 1000],
      ]).jobs,
      {},
    );
    assert.deepEqual(unitJobs([['/system.slice', 1000], outer]).jobs, {});
    assert.deepEqual(
      unitJobs([
        [inner, 1000],
        [outer, 1000],
      ]).jobs,
      { [inner]: 'NGINX', [outer]: 'NGINX' },
    );
  });

  test('is found below another root', () => {
    const paths = ['/test/units/nginx.service', '/system.slice/sshd.service'];
    assert.deepEqual(unitJobs(paths, '/test/units').jobs, { '/test/units/nginx.service': 'NGINX' });
  });

  test('has no job if its name is not a valid job, which is reported', () => {
    const names = ['a\\x2db', 'a:b', 'reserved', 'AuthPort', 'unknown', 'x'.repeat(65), 'ſsh', ''];
    const { jobs, problems } = unitJobs([
      ...names.map((name) => `/system.slice/${name}.service`),
      `/system.slice/${'x'.repeat(64)}.service`,
    ]);
    assert.deepEqual(Object.values(jobs), ['X'.repeat(64)]);
    assert.equal(problems.length, names.length);
    assert.match(problems[0] ?? '', /^the unit \/system\.slice\/a\\x2db\.service has no job of its own: /);
  });
});

test('enters only slices, and takes only services and sockets', () => {
  const names = {
    'a.slice': 'enter',
    'a.service': 'take',
    'a.socket': 'take',
    'user.slice': 'leave',
    'a.scope': 'leave',
    'a.mount': 'leave',
    a: 'leave',
  };
  for (const [name, expected] of Object.entries(names)) assert.equal(pickUnit(name), expected, name);
});

describe('a user', () => {
  const jobs = (...lines: string[]) => {
    const accounts = parsePasswd(lines.map((line) => `${line}:0::/:/bin/sh`).join('\n'));
    return jobsOf({ cgroups: [], made: [], accounts });
  };

  test('has the job of the uppercase name', () => {
    const { users } = jobs('root:x:0', 'www-data:x:33', '_rpc:x:102', 'HOST$:x:9');
    assert.deepEqual(
      [...users].map(([uid, { name }]) => [uid, name]),
      [
        [0, 'ROOT'],
        [33, 'WWW-DATA'],
        [102, '_RPC'],
        [9, 'HOST$'],
      ],
    );
  });

  test('who shares a uid has the job of the first account', () => {
    assert.deepEqual([...jobs('root:x:0', 'toor:x:0').users], [[0, jobCalled('ROOT')]]);
    // Even if the first name is not a valid job: otherwise reordering the file would grant the other one.
    assert.deepEqual([...jobs('reserved:x:7', 'nginx:x:7').users], []);
  });

  test('has no job if the name is not a valid job, which is reported', () => {
    const { users, problems } = jobs('straße:x:1', 'unknown:x:2', 'authport:x:3', 'a b:x:4', 'bob:x:5');
    assert.deepEqual([...users], [[5, jobCalled('BOB')]]);
    assert.match(
      problems.join('\n'),
      /^the user straße has .*\nthe user unknown has .*cannot be identified\n.*\n.*a b/,
    );
  });
});

test('a cgroup that was created for a job has that job, wherever it is', () => {
  const sim = new SimCgroups();
  const unit = sim.add('/system.slice/foo.service');
  const [own, nested] = [sim.make('/', 'A-1', 'A', 1000), sim.make(unit.path, 'B-2', 'B', 0)];
  const { cgroups } = jobsOf({
    cgroups: sim.list('/', () => 'enter'),
    made: sim.marked(),
    accounts: [],
  });
  assert.deepEqual(
    new Map([...cgroups].map(([id, { name }]) => [id, name])),
    new Map([
      [unit.id, 'FOO'],
      [own.id, 'A'],
      [nested.id, 'B'],
    ]),
  );
});
