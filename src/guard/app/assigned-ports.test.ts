// Reserved ports are excluded from automatic assignment in every namespace of a guard, even after crashes and edits.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeNamespaces } from '../../../test/support/fake-namespaces.ts';
import { profileOf } from '../../../test/support/range-profiles.ts';
import { SimSysctlRecord, SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlRecord, Sysctls } from '../../host/host.ts';
import { PORT_RANGE, RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { AssignedPorts, type GuardReach } from './assigned-ports.ts';

const [HOME, WEB, MAIL] = [1n, 4n, 5n];
const RANGE = { tcpEphemeral: [20000, 40000], udpEphemeral: [20000, 40000] } as const;
const [OLD, NEW] = [profileOf({ tcp: [[80, 80]], ...RANGE }), profileOf({ udp: [[90, 90]], ...RANGE })];
const ALL: GuardReach = { home: HOME, namespaces: [HOME, WEB, MAIL], isWholeHost: true };

class Killed extends Error {}

/** A host with three network namespaces, each with its own settings. */
class Fixture {
  readonly host = new FakeNamespaces();
  readonly records = new Map<bigint, SimSysctlRecord>();
  readonly settings = new Map([HOME, WEB, MAIL].map((cookie) => [cookie, new SimSysctls()]));
  /** The namespaces whose settings cannot be written. */
  readonly readOnly = new Set<bigint>();
  /** The namespaces in which another program removes everything again at once. */
  readonly contested = new Set<bigint>();
  /** The process is killed after this many more writes. */
  left = Number.POSITIVE_INFINITY;
  writes = 0;

  constructor() {
    this.host.set(HOME, { pid: 1 });
    this.host.set(WEB, { paths: ['/run/netns/web'] });
    this.host.set(MAIL, { paths: ['/proc/812/ns/net'], pid: 812 });
  }

  /** A new instance that knows only what is recorded. */
  keeper(): AssignedPorts {
    const sysctls: Sysctls = {
      read: (name) => this.#here.read(name),
      write: (name, value) => {
        if (this.readOnly.has(this.host.current)) throw new PortreeveError('SYSCTL_REFUSED', name);
        this.#count();
        this.#here.write(name, this.contested.has(this.host.current) ? '' : value);
      },
    };
    return new AssignedPorts({
      namespaces: this.host,
      sysctls,
      bpf: { namespaceCookie: () => this.host.current },
      records: {
        of: (cookie) => {
          assert.equal(this.host.current, cookie, 'a record is accessed in another namespace');
          return this.#recordOf(cookie);
        },
        cookies: () => [...this.records.keys()].filter((cookie) => this.records.get(cookie)?.read().length),
        forget: (cookie) => void this.records.delete(cookie),
      },
    });
  }

  get #here(): SimSysctls {
    return this.settings.get(this.host.current) ?? assert.fail('no such namespace');
  }

  #recordOf(cookie: bigint): SysctlRecord {
    const record = this.records.get(cookie) ?? new SimSysctlRecord();
    this.records.set(cookie, record);
    return {
      read: () => record.read(),
      write: (changes) => {
        this.#count();
        record.write(changes);
      },
    };
  }

  #count(): void {
    if (this.left-- <= 0) throw new Killed();
    this.writes++;
  }

  /** The reserved ports in each namespace. */
  lists(): (string | undefined)[] {
    return [HOME, WEB, MAIL].map((cookie) => this.settings.get(cookie)?.read(RESERVED_PORTS));
  }

  set(cookie: bigint, list: string): void {
    this.settings.get(cookie)?.write(RESERVED_PORTS, list);
  }

  ranges(): (string | undefined)[] {
    return [HOME, WEB, MAIL].map((cookie) => this.settings.get(cookie)?.read(PORT_RANGE));
  }
}

const codes = (notes: readonly { readonly code: string }[]): string[] => notes.map(({ code }) => code);
const USUAL = '32768\t60999';

test('the reserved ports are set in all namespaces, the ephemeral range only in that of the guard', () => {
  const fixture = new Fixture();
  fixture.set(WEB, '8080');
  assert.deepEqual(fixture.keeper().apply(OLD, ALL), []);
  assert.deepEqual(fixture.lists(), ['80', '80,8080', '80']);
  assert.deepEqual(fixture.ranges(), ['20000\t40000', USUAL, USUAL]);
  assert.deepEqual(fixture.keeper().restore(HOME), []);
  assert.deepEqual(fixture.lists(), ['', '8080', '']);
  assert.deepEqual(fixture.ranges(), [USUAL, USUAL, USUAL]);
});

test('the guard of a cgroup does not set the range', () => {
  const fixture = new Fixture();
  fixture.keeper().apply(OLD, { ...ALL, isWholeHost: false });
  assert.deepEqual(
    [fixture.lists(), fixture.ranges()],
    [
      ['80', '80', '80'],
      [USUAL, USUAL, USUAL],
    ],
  );
});

test('lists are restored where the guard no longer applies, even after an interrupted first attempt', () => {
  const fixture = new Fixture();
  fixture.keeper().apply(OLD, ALL);
  const fewer = { ...ALL, namespaces: [HOME, WEB] };
  fixture.left = 1;
  assert.throws(() => fixture.keeper().apply(OLD, fewer), Killed);
  fixture.left = Number.POSITIVE_INFINITY;
  fixture.keeper().apply(OLD, fewer);
  assert.deepEqual(fixture.lists(), ['80', '80', '']);
});

test('killed after any write, the next instance restores what was found', () => {
  const all = new Fixture();
  all.keeper().apply(OLD, ALL);
  all.keeper().apply(NEW, ALL);
  for (let at = 0; at < all.writes; at++) {
    const fixture = new Fixture();
    fixture.set(WEB, '8080');
    fixture.left = at;
    assert.throws(() => {
      fixture.keeper().apply(OLD, ALL);
      fixture.keeper().apply(NEW, ALL);
    }, Killed);
    fixture.left = Number.POSITIVE_INFINITY;
    if (at % 2 === 0) fixture.keeper().apply(NEW, ALL);
    fixture.keeper().restore(HOME);
    assert.deepEqual(fixture.lists(), ['', '8080', ''], `killed at ${at}`);
    assert.deepEqual(fixture.ranges(), [USUAL, USUAL, USUAL], `killed at ${at}`);
  }
});

test('another list is written before the guard covers the namespace', () => {
  const fixture = new Fixture();
  assert.deepEqual(fixture.keeper().prepare(OLD, WEB, '/run/netns/web'), []);
  assert.deepEqual(fixture.lists(), ['', '80', '']);
  // The guard never covered it: the next run restores it.
  fixture.keeper().apply(OLD, { ...ALL, namespaces: [HOME] });
  assert.deepEqual(fixture.lists(), ['80', '', '']);
});

describe('a namespace', () => {
  test('that is gone is forgotten', () => {
    const fixture = new Fixture();
    const keeper = fixture.keeper();
    keeper.apply(OLD, ALL);
    fixture.host.there.delete(WEB);
    assert.deepEqual(keeper.check(OLD, ALL), []);
    // It is not looked up again at each check: there may be thousands of namespaces.
    const { lookups } = fixture.host;
    for (let i = 0; i < 59; i++) keeper.check(OLD, ALL);
    assert.equal(fixture.host.lookups, lookups);
    assert.deepEqual(keeper.apply(NEW, ALL), []);
    assert.equal(fixture.records.has(WEB), false);
    assert.deepEqual(fixture.lists(), ['90', '80', '90']);
  });

  test('that is not visible is reported, and keeps its record', () => {
    const fixture = new Fixture();
    fixture.keeper().apply(OLD, ALL);
    fixture.host.there.delete(WEB);
    fixture.host.isComplete = false;
    const [note] = fixture.keeper().apply(NEW, ALL);
    assert.equal(note?.code, 'NAMESPACE_UNSEEN');
    assert.match(note.message, /^in the network namespace cookie:4: the kernel may assign reserved ports/);
    assert.equal(fixture.records.has(WEB), true);
  });

  test('is not confused with another one that its process has now', () => {
    const fixture = new Fixture();
    const keeper = fixture.keeper();
    keeper.apply(OLD, ALL);
    fixture.host.set(6n, { paths: ['/proc/812/ns/net'] });
    fixture.host.set(MAIL, { paths: ['/proc/813/ns/net'], pid: 813 });
    fixture.settings.set(6n, new SimSysctls());
    assert.deepEqual(keeper.apply(NEW, ALL), []);
    assert.deepEqual(fixture.lists(), ['90', '90', '90']);
    assert.equal(fixture.settings.get(6n)?.read(RESERVED_PORTS), '');
  });

  test('that cannot be entered is reported, and the others are handled', () => {
    const fixture = new Fixture();
    fixture.host.closed.add('/run/netns/web');
    assert.deepEqual(codes(fixture.keeper().apply(OLD, ALL)), ['NAMESPACE_CLOSED']);
    assert.deepEqual(fixture.lists(), ['80', '', '80']);
    const [found] = fixture.keeper().inspect(OLD, ALL);
    assert.deepEqual([found?.name, found?.ports], ['web', undefined]);
  });
});

describe('a check', () => {
  test('puts back what another program removed, and writes nothing where nothing is missing', () => {
    const fixture = new Fixture();
    const keeper = fixture.keeper();
    keeper.apply(OLD, ALL);
    const before = fixture.writes;
    assert.deepEqual(keeper.check(OLD, ALL), []);
    assert.equal(fixture.writes, before);
    fixture.set(WEB, '7000');
    const [note] = keeper.check(OLD, ALL);
    assert.equal(note?.code, 'RESERVED_PORTS_REMOVED');
    assert.match(note.message, /^in the network namespace web: another program removed 1 port/);
    assert.deepEqual(fixture.lists(), ['80', '80,7000', '80']);
    assert.deepEqual(keeper.check(OLD, ALL), []);
  });

  test('does not set the range again if another program changes it', () => {
    const fixture = new Fixture();
    fixture.keeper().apply(OLD, ALL);
    fixture.settings.get(HOME)?.write(PORT_RANGE, '30000\t50000');
    fixture.set(HOME, '');
    fixture.keeper().check(OLD, ALL);
    assert.deepEqual([fixture.lists()[0], fixture.ranges()[0]], ['80', '30000\t50000']);
    fixture.keeper().restore(HOME);
    assert.deepEqual([fixture.lists()[0], fixture.ranges()[0]], ['', '30000\t50000']);
  });

  test('checks a list again at once if another program writes it at the same time', () => {
    const fixture = new Fixture();
    const keeper = fixture.keeper();
    keeper.apply(OLD, ALL);
    fixture.set(WEB, '');
    fixture.contested.add(WEB);
    for (let i = 0; i < 3; i++) assert.deepEqual(codes(keeper.check(OLD, ALL)), ['SYSCTL_NOT_KEPT']);
    fixture.contested.clear();
    keeper.check(OLD, ALL);
    assert.equal(fixture.lists()[1], '80');
  });

  test('keeps the record of the range, so that it can be restored', () => {
    const fixture = new Fixture();
    fixture.keeper().apply(OLD, ALL);
    fixture.set(HOME, '');
    fixture.keeper().check(OLD, ALL);
    assert.equal(fixture.ranges()[0], '20000\t40000');
    fixture.keeper().restore(HOME);
    assert.deepEqual([fixture.lists()[0], fixture.ranges()[0]], ['', USUAL]);
  });

  test('reports each time that it cannot write, and tries again after a minute', () => {
    const fixture = new Fixture();
    const keeper = fixture.keeper();
    fixture.readOnly.add(WEB);
    assert.deepEqual(codes(keeper.check(OLD, ALL)), ['SYSCTL_REFUSED']);
    assert.deepEqual(
      keeper.inspect(OLD, ALL).map(({ name, ports }) => [name, ports]),
      [['web', [80]]],
    );
    const before = fixture.writes;
    fixture.readOnly.clear();
    for (let i = 0; i < 60; i++) assert.deepEqual(codes(keeper.check(OLD, ALL)), ['SYSCTL_REFUSED']);
    assert.equal(fixture.writes, before);
    assert.deepEqual([keeper.check(OLD, ALL), fixture.lists()], [[], ['80', '80', '80']]);
    assert.deepEqual(keeper.inspect(OLD, ALL), []);
  });
});
