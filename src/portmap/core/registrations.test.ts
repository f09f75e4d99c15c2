/** Tests the table of registrations: SET, UNSET and lookups. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { serviceAt } from '../../../test/support/service.ts';
import { REGISTRATIONS_MAX, REGISTRATIONS_PER_USER_MAX } from '../../base/limits.ts';
import { NETIDS, type NetId, netIdInfo } from '../../base/netid.ts';
import { type Owner, ownerName, type Registration, Registrations } from './registrations.ts';

const PROGRAM = 100005;
const AT_2049 = serviceAt('udp', '0.0.0.0.8.1');
const AT_2050 = serviceAt('udp', '0.0.0.0.8.2');

function entry(version: number, netid: NetId = 'udp', part: Partial<Registration> = {}): Registration {
  return {
    program: PROGRAM,
    version,
    netid,
    ...AT_2049,
    owner: 1000,
    builtIn: false,
    ...part,
  };
}

const udp = netIdInfo('udp').index;
const tcp = netIdInfo('tcp').index;

describe('SET', () => {
  test('adds an entry once; repeating it changes nothing', () => {
    const table = new Registrations();
    assert.deepEqual(table.set(entry(1)), { added: true });
    const { revision } = table;
    assert.deepEqual(table.set(entry(1, 'udp', { owner: 0 })), { added: false });
    assert.deepEqual([table.size, table.revision, table.exact(PROGRAM, 1, udp)?.owner], [1, revision, 1000]);
  });

  test('of another address is refused, even for root', () => {
    const table = new Registrations();
    table.set(entry(1));
    const result = table.set(entry(1, 'udp', { ...AT_2050, owner: 0 }));
    assert.deepEqual(result, { refused: 'TAKEN', existing: entry(1) });
    assert.deepEqual(table.set(entry(1, 'tcp', AT_2050)), { added: true });
  });

  test('is refused beyond the limit of a user, but not for root or another user', () => {
    const table = new Registrations();
    for (let i = 0; i < REGISTRATIONS_PER_USER_MAX; i++) assert.ok('added' in table.set(entry(i)));
    assert.deepEqual(table.set(entry(-1)), { refused: 'USER_FULL' });
    assert.ok('added' in table.set(entry(-1, 'udp', { owner: 0 })));
    assert.ok('added' in table.set(entry(-2, 'udp', { owner: undefined })));
    assert.equal(table.unset({ program: PROGRAM, version: 0 }, 1000).removed.length, 1);
    assert.ok('added' in table.set(entry(-3)));
  });

  test('is refused beyond the limit of the table, also for root', () => {
    const table = new Registrations();
    for (let i = 0; i < REGISTRATIONS_MAX; i++)
      assert.ok('added' in table.set(entry(i, 'udp', { owner: 0 })));
    assert.deepEqual(table.set(entry(REGISTRATIONS_MAX, 'udp', { owner: 0 })), { refused: 'FULL' });
    assert.ok('added' in table.set(entry(0, 'udp', { owner: 0 })), 'an existing entry needs no space');
    table.unset({ program: PROGRAM, version: 5 }, 0);
    assert.ok('added' in table.set(entry(REGISTRATIONS_MAX, 'udp', { owner: 0 })));
  });
});

describe('UNSET', () => {
  const filled = (): Registrations => {
    const table = new Registrations();
    table.set(entry(1, 'udp'));
    table.set(entry(1, 'tcp', { owner: 1001 }));
    table.set(entry(2, 'udp'));
    return table;
  };

  test('without netids removes the version for every transport', () => {
    const table = filled();
    assert.deepEqual(table.unset({ program: PROGRAM, version: 1 }, 0), {
      removed: [entry(1, 'udp'), entry(1, 'tcp', { owner: 1001 })],
    });
    assert.deepEqual([...table.all()], [entry(2, 'udp')]);
  });

  test('with netids removes those', () => {
    const table = filled();
    assert.equal(
      table.unset({ program: PROGRAM, version: 1, netids: ['tcp', 'local'] }, 0).removed.length,
      1,
    );
    assert.equal(table.exact(PROGRAM, 1, tcp), undefined);
    assert.ok(table.exact(PROGRAM, 1, udp));
  });

  test('by another user removes the entries it owns and reports those it does not', () => {
    const table = filled();
    const existing = entry(1, 'tcp', { owner: 1001 });
    assert.deepEqual(table.unset({ program: PROGRAM, version: 1 }, 1000), {
      removed: [entry(1, 'udp')],
      kept: { existing, refusal: { refused: 'NOT_OWNER', existing } },
    });
  });

  test('by an unknown user removes nothing, and only root removes an entry of an unknown owner', () => {
    const table = filled();
    table.set(entry(3, 'udp', { owner: undefined }));
    for (const version of [2, 3]) {
      const { kept } = table.unset({ program: PROGRAM, version }, undefined);
      assert.equal(kept?.refusal.refused, 'NOT_OWNER');
    }
    assert.equal(table.unset({ program: PROGRAM, version: 3 }, 1000).kept?.refusal.refused, 'NOT_OWNER');
    assert.equal(table.unset({ program: PROGRAM, version: 3 }, 0).removed.length, 1);
  });

  test("of the port mapper's own entries is refused even to root", () => {
    const table = new Registrations();
    table.set(entry(1, 'udp', { owner: 0, builtIn: true }));
    table.set(entry(2, 'udp', { owner: 0 }));
    assert.equal(table.unset({ program: PROGRAM, version: 1 }, 0).kept?.refusal.refused, 'BUILT_IN');
    assert.equal(table.unset({ program: PROGRAM, version: 2 }, 0).removed.length, 1);
  });

  test('of a missing entry removes nothing and is not refused', () => {
    const table = filled();
    const { revision } = table;
    assert.deepEqual(table.unset({ program: 1, version: 1 }, 1000), { removed: [] });
    assert.deepEqual(table.unset({ program: PROGRAM, version: 9 }, 1000), { removed: [] });
    assert.equal(table.revision, revision);
  });
});

describe('replaying a log', () => {
  test('restores, replaces and removes entries', () => {
    const table = new Registrations();
    const [before, after] = [entry(1), entry(1, 'udp', { owner: 1001, ...AT_2050 })];
    assert.equal(table.restore(before), undefined);
    assert.equal(table.restore(after), before);
    assert.equal(table.exact(PROGRAM, 1, udp), after);
    assert.equal(table.forget(PROGRAM, 1, 'udp'), after);
    assert.equal(table.forget(PROGRAM, 1, 'udp'), undefined);
  });

  test("keeps the port mapper's own entries", () => {
    const table = new Registrations();
    const own = entry(1, 'udp', { owner: 0, builtIn: true });
    table.set(own);
    assert.equal(table.restore(entry(1, 'udp', AT_2050)), undefined);
    assert.equal(table.forget(PROGRAM, 1, 'udp'), undefined);
    assert.deepEqual([...table.all()], [own]);
  });
});

describe('a lookup', () => {
  test('returns the version, else the most recent entry of the transport', () => {
    const table = new Registrations();
    for (const version of [3, 1, 2]) table.set(entry(version));
    assert.equal(table.find(PROGRAM, 1, udp)?.version, 1);
    assert.equal(table.find(PROGRAM, 9, udp)?.version, 2);
    assert.equal(table.exact(PROGRAM, 9, udp), undefined);
    assert.equal(table.find(PROGRAM, 1, tcp), undefined);
    table.unset({ program: PROGRAM, version: 2 }, 0);
    assert.equal(table.find(PROGRAM, 9, udp)?.version, 1);
    table.unset({ program: PROGRAM, version: 3 }, 0);
    table.unset({ program: PROGRAM, version: 1 }, 0);
    assert.equal(table.find(PROGRAM, 9, udp), undefined);
  });

  test('reports the lowest and the highest version of a transport', () => {
    const table = new Registrations();
    for (const version of [3, 1, 4_294_967_295]) table.set(entry(version));
    table.set(entry(7, 'tcp'));
    assert.deepEqual(table.versions(PROGRAM, udp), { low: 1, high: 4_294_967_295 });
    assert.deepEqual(table.versions(PROGRAM, tcp), { low: 7, high: 7 });
    assert.equal(table.versions(PROGRAM, netIdInfo('local').index), undefined);
    assert.equal(table.versions(1, udp), undefined);
  });

  test('distinguishes versions and transports at the limits of 32 bits', () => {
    const table = new Registrations();
    const versions = [0, 1, 0x1fffffff, 0x20000000, 0xfffffffe, 0xffffffff];
    for (const version of versions) for (const netid of NETIDS) table.set(entry(version, netid));
    assert.equal(table.size, versions.length * NETIDS.length);
    for (const version of versions) {
      for (const netid of NETIDS) {
        const found = table.exact(PROGRAM, version, netIdInfo(netid).index);
        assert.deepEqual([found?.version, found?.netid], [version, netid]);
      }
    }
  });
});

test('an owner is shown as in rpcbind', () => {
  assert.deepEqual([0, 1000, undefined].map(ownerName), ['superuser', '1000', 'unknown']);
});

type Step = readonly [isSet: boolean, version: number, netid: NetId, port: number, caller: Owner];

/** The same steps on a list without an index. */
class Model {
  readonly entries: Registration[] = [];

  set(registration: Registration): boolean {
    const { version, netid, uaddr } = registration;
    const existing = this.entries.find((one) => one.version === version && one.netid === netid);
    if (!existing) this.entries.push(registration);
    return !existing || existing.uaddr === uaddr;
  }

  unset(version: number, netid: NetId, caller: Owner): number {
    const isOwner = ({ owner }: Registration) => caller === 0 || (caller !== undefined && caller === owner);
    const removed = this.entries.filter(
      (one) => one.version === version && one.netid === netid && isOwner(one),
    );
    for (const one of removed) this.entries.splice(this.entries.indexOf(one), 1);
    return removed.length;
  }
}

test('the table equals a plain list after any sequence of changes', () => {
  const step: fc.Arbitrary<Step> = fc.tuple(
    fc.boolean(),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom<NetId>('udp', 'tcp'),
    fc.integer({ min: 1, max: 2 }),
    fc.constantFrom<Owner>(0, 1000, undefined),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const table = new Registrations();
      const model = new Model();
      for (const [isSet, version, netid, port, owner] of steps) {
        const before = table.revision;
        const size = table.size;
        if (isSet) {
          const registration = entry(version, netid, { owner, ...serviceAt(netid, `0.0.0.0.0.${port}`) });
          assert.equal('added' in table.set(registration), model.set(registration));
        } else {
          const { removed } = table.unset({ program: PROGRAM, version, netids: [netid] }, owner);
          assert.equal(removed.length, model.unset(version, netid, owner));
        }
        assert.deepEqual([...table.all()], model.entries);
        assert.equal(table.revision !== before, table.size !== size);
        for (const index of [udp, tcp]) {
          const last = model.entries.findLast((one) => netIdInfo(one.netid).index === index);
          assert.equal(table.find(PROGRAM, 99, index), last);
        }
      }
    }),
    { numRuns: 200 },
  );
});
