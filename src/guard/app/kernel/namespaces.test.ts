// Which network namespaces the guard covers: those in portreeve.toml, those of the command, and those that are gone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeMap, FakeNamespaces } from '../../../../test/support/fake-namespaces.ts';
import { GUARD_NAMESPACES_MAX } from '../../../base/limits.ts';
import type { KernelMap } from '../../../host/host.ts';
import type { PortSettingNote } from '../../core/port-settings.ts';
import { NamespaceFollower } from '../namespace-follower.ts';
import { GuardedNamespaces, keepNamespaces } from './namespaces.ts';

const HOME = 1n;
const [WEB, MAIL] = ['/run/netns/web', '/run/netns/mail'];

function fixture() {
  const map: Pick<KernelMap, 'delete' | 'keys' | 'lookup' | 'update'> = new FakeMap();
  const guarded = new GuardedNamespaces(map, HOME);
  const host = new FakeNamespaces();
  host.set(HOME, { pid: 1 });
  host.set(4n, { paths: [WEB] });
  host.set(5n, { paths: [MAIL], pid: 812 });
  const named = () => guarded.list().map(({ cookie, by }) => `${cookie} ${by}`);
  const keep = (...wanted: string[]) => keepNamespaces(guarded, host, wanted).map(({ code }) => code);
  return { guarded, host, named, keep };
}

describe('adding and removing', () => {
  test('the namespace of the guard is always there', () => {
    const { guarded, named } = fixture();
    assert.deepEqual(named(), ['1 home']);
    assert.equal(guarded.add(HOME), false);
    assert.throws(() => guarded.remove(HOME), { kind: 'refused', code: 'GUARD_HOME' });
  });

  test('each is listed once, and the settings do not remove what the command added', () => {
    const { guarded, named } = fixture();
    assert.deepEqual([guarded.add(9n), guarded.add(4n, 'settings'), guarded.add(9n)], [true, true, false]);
    assert.deepEqual(named(), ['1 home', '4 settings', '9 command']);
    assert.equal(guarded.add(9n, 'settings'), false);
    assert.equal(guarded.add(4n, 'command'), false);
    assert.deepEqual(named(), ['1 home', '4 command', '9 command']);
    assert.deepEqual([guarded.remove(9n), guarded.remove(9n)], [true, false]);
    assert.deepEqual(named(), ['1 home', '4 command']);
  });

  test('the number of namespaces is limited', () => {
    const { guarded } = fixture();
    for (let i = 1; i < GUARD_NAMESPACES_MAX; i++) assert.equal(guarded.add(HOME + BigInt(i)), true);
    assert.throws(() => guarded.add(4711n), { kind: 'refused', code: 'GUARD_NAMESPACES_FULL' });
    assert.equal(guarded.add(HOME + 1n), false);
    guarded.remove(HOME + 1n);
    assert.equal(guarded.add(4711n), true);
  });
});

describe('what portreeve.toml names', () => {
  test('is covered, and what it no longer names is removed; the others are kept', () => {
    const { guarded, named, keep } = fixture();
    guarded.add(5n);
    assert.deepEqual(keep(WEB), []);
    assert.deepEqual(named(), ['1 home', '4 settings', '5 command']);
    assert.deepEqual(keep(), []);
    assert.deepEqual(named(), ['1 home', '5 command']);
  });

  test('can be missing or inaccessible, which is reported', () => {
    const { host, named, keep } = fixture();
    host.closed.add(MAIL);
    assert.deepEqual(keep('/run/netns/none', MAIL, WEB), ['NAMESPACE_ABSENT', 'NAMESPACE_CLOSED']);
    assert.deepEqual(named(), ['1 home', '4 settings']);
  });

  test('can be the guard’s own', () => {
    const { host, named, keep } = fixture();
    host.set(HOME, { paths: ['/run/netns/host'], pid: 1 });
    assert.deepEqual(keep('/run/netns/host'), []);
    assert.deepEqual(named(), ['1 home']);
  });
});

describe('a namespace to which nothing leads any more', () => {
  test('is removed, whatever added it', () => {
    const { guarded, host, named, keep } = fixture();
    guarded.add(5n);
    keep(WEB);
    host.there.delete(5n);
    host.there.delete(4n);
    assert.deepEqual(keep(WEB), ['NAMESPACE_ABSENT']);
    assert.deepEqual(named(), ['1 home']);
  });

  test('is kept where not all processes are visible', () => {
    const { host, named, keep } = fixture();
    keep(WEB);
    host.there.delete(4n);
    host.isComplete = false;
    keep(WEB);
    assert.deepEqual(named(), ['1 home', '4 settings']);
    host.isComplete = true;
    keep(WEB);
    assert.deepEqual(named(), ['1 home']);
  });

  test('is not one that has lost its name but still has processes', () => {
    const { host, named, keep } = fixture();
    keep(MAIL);
    host.set(5n, { pid: 812 });
    host.set(6n, { paths: [MAIL] });
    assert.deepEqual(keep(MAIL), []);
    assert.deepEqual(named(), ['1 home', '5 settings', '6 settings']);
  });
});

describe('the daemon', () => {
  function follower(wanted: () => readonly string[]) {
    const at = fixture();
    const warnings: string[] = [];
    const prepared: string[] = [];
    const notes: PortSettingNote[] = [];
    let isThere = true;
    const follower = new NamespaceFollower({
      namespaces: at.host,
      kernel: () => (isThere ? kernel : undefined),
      wanted,
      assigned: {
        prepare: (cookie) => {
          prepared.push(`${cookie} before ${at.named().join(', ')}`);
          return [];
        },
        check: () => notes.splice(0),
      },
      warn: (message) => void warnings.push(message),
    });
    const kernel = { namespaces: at.guarded, locked: <T>(act: () => T): T => act() };
    const second = () => {
      for (let tick = 0; tick < 4; tick++) follower.tick();
    };
    return {
      ...at,
      warnings,
      prepared,
      notes,
      follower,
      second,
      setThere: (value: boolean) => (isThere = value),
    };
  }

  test('sees new namespaces within a second, warns once, and makes no unnecessary queries', () => {
    const { host, named, warnings, second } = follower(() => ['/run/netns/late']);
    second();
    second();
    assert.deepEqual(named(), ['1 home']);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /does not cover \/run\/netns\/late/);
    host.set(7n, { paths: ['/run/netns/late'] });
    second();
    assert.deepEqual([named(), warnings.length], [['1 home', '7 settings'], 1]);
    const { queries } = host;
    second();
    assert.equal(host.queries, queries + 1);
  });

  test('touches nothing while nothing is named, and follows when that changes', () => {
    let wanted: string[] = [];
    const { guarded, named, second } = follower(() => wanted);
    guarded.add(4n, 'settings');
    second();
    assert.deepEqual(named(), ['1 home', '4 settings']);
    wanted = [MAIL];
    second();
    assert.deepEqual(named(), ['1 home', '5 settings']);
    wanted = [];
    second();
    assert.deepEqual(named(), ['1 home']);
  });

  test('reports that it has no permission, and continues', () => {
    const { host, named, warnings, second } = follower(() => [WEB]);
    host.closed.add(WEB);
    second();
    second();
    assert.deepEqual([named(), warnings.length], [['1 home'], 1]);
    host.closed.clear();
    second();
    assert.deepEqual(named(), ['1 home', '4 settings']);
  });

  test('waits for a guard', () => {
    const { named, second, setThere } = follower(() => [WEB]);
    setThere(false);
    second();
    assert.deepEqual(named(), ['1 home']);
    setThere(true);
    second();
    assert.deepEqual(named(), ['1 home', '4 settings']);
  });

  test('excludes reserved ports in a namespace before the guard covers it', () => {
    const { host, named, prepared, second } = follower(() => [WEB, MAIL]);
    second();
    assert.deepEqual(prepared, ['4 before 1 home', '5 before 1 home, 4 settings']);
    second();
    host.set(5n, { pid: 812 });
    host.set(6n, { paths: [MAIL] });
    second();
    assert.deepEqual(prepared.slice(2), ['6 before 1 home, 4 settings, 5 settings']);
    assert.deepEqual(named(), ['1 home', '4 settings', '5 settings', '6 settings']);
  });

  test('repeats a warning at most once a minute, however often others cause it', () => {
    const { warnings, notes, follower: it, second } = follower(() => []);
    const taken = (severity: PortSettingNote['severity']): PortSettingNote => {
      return { severity, code: 'X', message: `${severity}: taken out`, hint: '', source: undefined };
    };
    notes.push(taken('warning'), taken('note'));
    second();
    assert.deepEqual([warnings, it.warnings], [['warning: taken out'], ['warning: taken out']]);
    second();
    assert.deepEqual(it.warnings, []);
    for (let i = 0; i < 30; i++) {
      notes.push(taken('warning'));
      second();
      second();
    }
    assert.equal(warnings.length, 1);
    for (let i = 0; i < 60; i++) second();
    notes.push(taken('warning'));
    second();
    assert.equal(warnings.length, 2);
  });
});
