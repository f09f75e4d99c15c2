// Installation and removal on a simulated host: a refusal changes nothing, and every step is reported.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import type { Present } from '../../host/host.ts';
import { type InstallDeps, type InstallRequest, type InstallStep, install, uninstall } from './carry-out.ts';
import { INSTALLED_PATHS, UNIT_LINKS } from './units.ts';

const PROGRAM = { path: '/usr/lib/node_modules/portreeve/bin/portreeve', nodeDirectory: '/usr/bin' };
const REQUEST: InstallRequest = { isDryRun: false, isForced: false, isPathAllowed: false };
const REMOVAL = { isDryRun: false, isPurged: false };

/** A simulated host, and the steps that were carried out on it. */
class Host {
  readonly paths = new Map<string, Present>();
  readonly steps: InstallStep[] = [];
  readonly onStep = (step: InstallStep) => void this.steps.push(step);
  readonly deps: InstallDeps;

  constructor(changes: Partial<InstallDeps> = {}) {
    this.deps = {
      uid: 0,
      place: {
        inspect: (path) => this.paths.get(path) ?? { kind: 'nothing' },
        isLive: true,
        isBooted: true,
        hasCommand: () => true,
      },
      tree: undefined,
      at: (path) => path,
      program: () => PROGRAM,
      changeable: () => [],
      put: (path, text) => void this.paths.set(path, { kind: 'file', text }),
      link: (path, target) => void this.paths.set(path, { kind: 'link', target }),
      remove: (path) => void this.paths.delete(path),
      run: () => undefined,
      ...changes,
    };
  }

  get done(): string[] {
    return this.steps.map((step) => ('path' in step ? `${step.step} ${step.path}` : step.step));
  }
}

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof PortreeveError && thrown.code === expected;

test('files, links and commands are carried out in this order, and undone in reverse', () => {
  const host = new Host();
  assert.equal(install(host.deps, REQUEST, host.onStep).outcome, 'done');
  const files = INSTALLED_PATHS.map((path) => `wrote ${path}`);
  const links = UNIT_LINKS.map(({ path }) => `linked ${path}`);
  assert.deepEqual(host.done, [...files, ...links, 'ran', 'ran']);
  host.steps.length = 0;
  assert.equal(uninstall(host.deps, REMOVAL, host.onStep).outcome, 'done');
  const removed = [...UNIT_LINKS.map(({ path }) => path), ...INSTALLED_PATHS];
  assert.deepEqual(host.done, ['ran', ...removed.map((path) => `removed ${path}`), 'ran']);
  assert.equal(host.paths.size, 0);
  assert.equal(uninstall(host.deps, REMOVAL, host.onStep).outcome, 'unchanged');
});

test('a dry run changes nothing and needs no root', () => {
  const host = new Host({ uid: 1000 });
  assert.equal(install(host.deps, { ...REQUEST, isDryRun: true }, host.onStep).outcome, 'planned');
  assert.deepEqual([host.paths.size, host.steps], [0, []]);
});

describe('a refusal changes nothing', () => {
  const changeable = [{ path: '/opt', why: 'belongs to uid 1000' }];
  const cases: Record<string, Partial<InstallDeps>> = {
    NOT_ROOT: { uid: 1000 },
    ROOT_ABSENT: { tree: { path: '/mnt', isThere: false } },
    PROGRAM_UNTRUSTED: { changeable: () => changeable },
  };
  for (const [expected, changes] of Object.entries(cases)) {
    test(expected, () => {
      const host = new Host(changes);
      assert.throws(() => install(host.deps, REQUEST, host.onStep), code(expected));
      assert.deepEqual([host.paths.size, host.steps], [0, []]);
    });
  }

  test('INSTALL_FOREIGN', () => {
    const host = new Host();
    const [foreign = ''] = INSTALLED_PATHS;
    host.paths.set(foreign, { kind: 'file', text: 'another' });
    assert.throws(() => install(host.deps, REQUEST, host.onStep), code('INSTALL_FOREIGN'));
    assert.deepEqual([host.paths.size, host.steps], [1, []]);
    assert.equal(install(host.deps, { ...REQUEST, isForced: true }, host.onStep).outcome, 'done');
  });

  test('unless it is allowed: then it is reported first', () => {
    const host = new Host({ changeable: () => changeable });
    install(host.deps, { ...REQUEST, isPathAllowed: true }, host.onStep);
    assert.deepEqual(host.steps[0], { step: 'untrusted', changeable });
  });
});

test('if a command fails, the steps before it are kept and reported, and the next run does the rest', () => {
  let isFailing = true;
  const host = new Host({
    run: ([program]) => {
      if (isFailing && program === 'systemctl') throw new PortreeveError('COMMAND_FAILED', 'no');
    },
  });
  assert.throws(() => install(host.deps, REQUEST, host.onStep), code('COMMAND_FAILED'));
  assert.equal(host.paths.size, INSTALLED_PATHS.length + UNIT_LINKS.length);
  assert.equal(host.steps.length, host.paths.size + 1);
  isFailing = false;
  assert.equal(uninstall(host.deps, REMOVAL, host.onStep).outcome, 'done');
  assert.equal(host.paths.size, 0);
});
