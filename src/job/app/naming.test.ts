// Which job is whose: system units, accounts, and cgroups that were made for a job.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobCalled } from '../../../test/support/jobs.ts';
import { SimCgroups } from '../../../test/support/sim/cgroups.ts';
import { pickUnit } from '../../base/unit.ts';
import { parsePasswd } from '../../text/passwd.ts';
import { jobsOf } from './naming.ts';

/** The jobs by path of a host with these cgroups, all of root but for those that are given an owner. */
function unitJobs(paths: readonly (string | [path: string, uid: number])[], root?: string) {
  const sim = new SimCgroups();
  for (const each of paths) {
    const [path, uid] = typeof each === 'string' ? [each] : each;
    sim.add(path, uid);
  }
  const cgroups = sim.list('/', () => 'enter');
  const { cgroups: jobs, leftOut } = jobsOf({ cgroups, made: [], accounts: [] }, root);
  const pathOf = (id: bigint) => cgroups.find((group) => group.id === id)?.path;
  return { jobs: Object.fromEntries([...jobs].map(([id, { name }]) => [pathOf(id), name])), leftOut };
}

describe('a system unit', () => {
  test('is the job of its name in capitals, without .service', () => {
    const { jobs, leftOut } = unitJobs(['/system.slice/nginx.service', '/system.slice/php8.2-fpm.service']);
    assert.deepEqual(jobs, {
      '/system.slice/nginx.service': 'NGINX',
      '/system.slice/php8.2-fpm.service': 'PHP8.2-FPM',
    });
    assert.deepEqual(leftOut, []);
  });

  test('may be a socket, and lie in any slice, or in none', () => {
    const paths = [
      '/nginx.service',
      '/other.slice/other-web.slice/nginx.service',
      '/system.slice/nginx.socket',
    ];
    assert.deepEqual(unitJobs(paths).jobs, Object.fromEntries(paths.map((path) => [path, 'NGINX'])));
  });

  test('may lie in slices in the slice, and be one of a template', () => {
    const path = '/system.slice/system-a.slice/system-a-b.slice/getty@tty1.service';
    assert.deepEqual(unitJobs([path]).jobs, { [path]: 'GETTY@TTY1' });
  });

  test('whose name would look like a file of the kernel has an underscore in front of it', () => {
    const path = '/system.slice/_cgroup.watch.service';
    assert.deepEqual(unitJobs([path, '/system.slice/__rpc.service']).jobs, {
      [path]: 'CGROUP.WATCH',
      '/system.slice/__rpc.service': '_RPC',
    });
  });

  test('covers what it makes below it, whatever that is called', () => {
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
  for (const path of others) test(`is none at ${path}`, () => assert.deepEqual(unitJobs([path]).jobs, {}));

  test('is none in a slice that somebody else can make cgroups in, and is one that he runs', () => {
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

  test('is looked for where it is said that units are', () => {
    const paths = ['/test/units/nginx.service', '/system.slice/sshd.service'];
    assert.deepEqual(unitJobs(paths, '/test/units').jobs, { '/test/units/nginx.service': 'NGINX' });
  });

  test('has no job of its own if its name is none, and that is told', () => {
    const names = ['a\\x2db', 'a:b', 'reserved', 'AuthPort', 'unknown', 'x'.repeat(65), 'ſsh', ''];
    const { jobs, leftOut } = unitJobs([
      ...names.map((name) => `/system.slice/${name}.service`),
      `/system.slice/${'x'.repeat(64)}.service`,
    ]);
    assert.deepEqual(Object.values(jobs), ['X'.repeat(64)]);
    assert.equal(leftOut.length, names.length);
    assert.match(leftOut[0] ?? '', /^the unit \/system\.slice\/a\\x2db\.service is no job of its own: /);
  });
});

test('of a slice only slices are entered, and only services and sockets taken', () => {
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

  test('is the job of his name in capitals', () => {
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

  test('who shares his uid is the first of those who have it', () => {
    assert.deepEqual([...jobs('root:x:0', 'toor:x:0').users], [[0, jobCalled('ROOT')]]);
    // Also where the first one's name is none: the other one's must not be had by a change of the order.
    assert.deepEqual([...jobs('reserved:x:7', 'nginx:x:7').users], []);
  });

  test('has no job if his name is none, and that is told', () => {
    const { users, leftOut } = jobs('straße:x:1', 'unknown:x:2', 'authport:x:3', 'a b:x:4', 'bob:x:5');
    assert.deepEqual([...users], [[5, jobCalled('BOB')]]);
    assert.match(
      leftOut.join('\n'),
      /^the user straße is .*\nthe user unknown is .*cannot be identified\n.*\n.*a b/,
    );
  });
});

test('a cgroup that was made for a job is that job, wherever it is', () => {
  const sim = new SimCgroups();
  const unit = sim.add('/system.slice/foo.service');
  const [own, nested] = [sim.make('/', 'A-1', 'A', 1000), sim.make(unit.path, 'B-2', 'B', 0)];
  const { cgroups } = jobsOf({ cgroups: sim.list('/', () => 'enter'), made: sim.marked(), accounts: [] });
  assert.deepEqual(
    new Map([...cgroups].map(([id, { name }]) => [id, name])),
    new Map([
      [unit.id, 'FOO'],
      [own.id, 'A'],
      [nested.id, 'B'],
    ]),
  );
});
