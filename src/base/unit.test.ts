// Tests of the mapping from cgroups to units, and from units to jobs.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jobOfUnit, unitOfPath } from './unit.ts';

describe('the unit of a cgroup', () => {
  const units: readonly (readonly [path: string, unit: string | undefined])[] = [
    ['/system.slice/ssh.service', 'ssh.service'],
    ['/system.slice/ssh.socket', 'ssh.socket'],
    ['/ssh.service', 'ssh.service'],
    ['/custom.slice/custom-web.slice/web.service', 'web.service'],
    ['/system.slice/system-postgresql.slice/postgresql@15-main.service', 'postgresql@15-main.service'],
    ['/system.slice/_memory.service', 'memory.service'],
    ['/system.slice', undefined],
    ['/', undefined],
    ['/init.scope', undefined],
    ['/system.slice/ssh.service/inner.service', undefined],
    ['/system.slice/docker-0123.scope/ssh.service', undefined],
    ['/docker/0123/system.slice/ssh.service', undefined],
    ['/machine.slice/libpod-0123.scope/container/system.slice/ssh.service', undefined],
    ['/user.slice/ssh.service', undefined],
    ['/user.slice/user-1000.slice/user@1000.service', undefined],
    ['/user.slice/user-1000.slice/user@1000.service/app.slice/ssh.service', undefined],
    ['/a.slice/user.slice/ssh.service', undefined],
  ];
  for (const [path, unit] of units) {
    test(`${path} is ${unit ?? 'not that of a unit'}`, () => assert.equal(unitOfPath(path), unit));
  }
});

describe('the job of a unit', () => {
  const jobs: readonly (readonly [unit: string, activates: string | undefined, names: string])[] = [
    ['ssh.service', undefined, 'SSH'],
    ['ssh.socket', undefined, 'SSH'],
    ['postgresql@15-main.service', undefined, 'POSTGRESQL@15-MAIN POSTGRESQL'],
    ['web.socket', 'nginx.service', 'WEB NGINX'],
    ['web.socket', 'web.service', 'WEB'],
    ['web@1.socket', 'app@2.service', 'WEB@1 WEB APP@2 APP'],
    ['web@1.socket', 'web@1.service', 'WEB@1 WEB'],
    ['a@b@c.service', undefined, 'A@B@C A'],
    ['@odd.service', undefined, '@ODD'],
  ];
  for (const [unit, activates, names] of jobs) {
    test(`${unit}${activates === undefined ? '' : ` for ${activates}`} is ${names}`, () => {
      const result = jobOfUnit(unit, activates);
      assert.ok('job' in result);
      assert.equal([result.job.name, ...result.job.aliases].join(' '), names);
    });
  }

  for (const unit of ['dev-disk\\x2da.service', `${'x'.repeat(65)}.service`, 'reserved.service']) {
    test(`${unit} is not a job`, () => assert.ok('problem' in jobOfUnit(unit)));
  }
});
