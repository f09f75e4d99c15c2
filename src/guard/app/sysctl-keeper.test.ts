// The keeper of the kernel's port settings restores what it found, even after crashes and edits.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { profileOf } from '../../../test/support/range-profiles.ts';
import { SimSysctlRecord, SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import type { SysctlRecord, Sysctls } from '../../host/host.ts';
import { PORT_RANGE, RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { EMPTY_PROFILE, type Profile } from '../../profile/core/rules.ts';
import { formatPortList, parsePortList } from '../../text/port-list.ts';
import { SysctlKeeper } from './sysctl-keeper.ts';

const WEB = profileOf({
  tcp: [
    [80, 80],
    [443, 443],
  ],
  tcpEphemeral: [20000, 40000],
  udpEphemeral: [20000, 40000],
});

/** A sandbox of a keeper, in which every change of the record and of a setting is counted. */
class Setup {
  readonly sysctls = new SimSysctls();
  readonly record = new SimSysctlRecord();
  readonly done: string[] = [];
  /** The process is killed after this many more changes. */
  left = Number.POSITIVE_INFINITY;
  /** How much of a list is in force when its writer is killed; 0: nothing was written. */
  pieces = 0;

  /** A keeper that knows only what is recorded. */
  keeper(): SysctlKeeper {
    const sysctls: Sysctls = {
      read: (name) => this.sysctls.read(name),
      write: (name, value) => {
        this.#count(`write ${name}`, () => {
          if (name !== RESERVED_PORTS || this.pieces === 0) return;
          this.sysctls.write(name, value.split(',').slice(0, this.pieces).join(','));
        });
        this.sysctls.write(name, value);
      },
    };
    const record: SysctlRecord = {
      read: () => this.record.read(),
      write: (changes) => {
        this.#count('record', () => {});
        this.record.write(changes);
      },
    };
    return new SysctlKeeper({ sysctls, record });
  }

  #count(what: string, cutOff: () => void): void {
    this.done.push(what);
    if (this.left > 0) {
      this.left--;
      return;
    }
    cutOff();
    throw new Killed();
  }

  /** Applies until it is killed after this many changes, in the middle of the next one. */
  applyAndDie(profile: Profile, changes: number, pieces = 0): void {
    this.left = changes;
    this.pieces = pieces;
    try {
      this.keeper().apply(profile);
    } catch (thrown) {
      if (!(thrown instanceof Killed)) throw thrown;
    }
    this.left = Number.POSITIVE_INFINITY;
  }

  get values(): (string | undefined)[] {
    return [this.sysctls.read(RESERVED_PORTS), this.sysctls.read(PORT_RANGE)];
  }
}

class Killed extends Error {}

test('the settings of the profile are written, and what was found is restored', () => {
  const setup = new Setup();
  setup.sysctls.write(RESERVED_PORTS, '8080');
  setup.keeper().apply(WEB);
  assert.deepEqual(setup.values, ['80,443,8080', '20000\t40000']);
  setup.keeper().restore();
  assert.deepEqual(setup.values, ['8080', '32768\t60999']);
  assert.deepEqual(setup.record.read(), []);
});

test('what was found is recorded before a setting is written, and that it was written afterwards', () => {
  const setup = new Setup();
  const change = (name: string, found: string, written: string): SysctlChange => {
    return { name, found, written, before: found };
  };
  setup.applyAndDie(WEB, 1);
  const begun = [change(RESERVED_PORTS, '', '80,443'), change(PORT_RANGE, '32768\t60999', '20000\t40000')];
  assert.deepEqual(setup.record.read(), begun);
  assert.deepEqual(setup.done, ['record', `write ${RESERVED_PORTS}`]);
  setup.keeper().apply(WEB);
  assert.deepEqual(
    setup.record.read(),
    begun.map((each) => ({ ...each, before: undefined })),
  );
});

test('applying the same profile again changes nothing', () => {
  const setup = new Setup();
  setup.keeper().apply(WEB);
  setup.done.length = 0;
  setup.keeper().apply(WEB);
  setup.keeper().plan(EMPTY_PROFILE);
  assert.deepEqual(setup.done, []);
  setup.keeper().restore();
  setup.done.length = 0;
  setup.keeper().restore();
  assert.deepEqual(setup.done, []);
});

test('plan() changes nothing', () => {
  const setup = new Setup();
  const { writes } = setup.keeper().plan(WEB);
  assert.deepEqual(
    writes.map(({ name, current, value }) => [name, current, value]),
    [
      [RESERVED_PORTS, '', '80,443'],
      [PORT_RANGE, '32768\t60999', '20000\t40000'],
    ],
  );
  assert.deepEqual(setup.done, []);
});

test('a setting that the profile does not change is not recorded', () => {
  const setup = new Setup();
  setup.keeper().apply(profileOf({ tcp: [[80, 80]] }));
  assert.deepEqual(
    setup.record.read().map(({ name }) => name),
    [RESERVED_PORTS],
  );
  setup.keeper().apply(EMPTY_PROFILE);
  assert.deepEqual(setup.record.read(), []);
});

test('a value that the kernel refuses is reported, and the others are restored', () => {
  const setup = new Setup();
  const keeper = setup.keeper();
  setup.sysctls.write('net.ipv4.ip_unprivileged_port_start', '70000');
  assert.throws(() => keeper.apply(WEB), { code: 'SYSCTL_UNKNOWN' });
  const narrow: Sysctls = {
    read: (name) => (name.endsWith('_start') ? '1024' : setup.sysctls.read(name)),
    write: (name, value) => setup.sysctls.write(name, value),
  };
  setup.sysctls.write('net.ipv4.ip_unprivileged_port_start', '30000');
  assert.throws(
    () => new SysctlKeeper({ sysctls: narrow, record: setup.record }).apply(WEB),
    (thrown) => thrown instanceof PortreeveError && thrown.code === 'SYSCTL_REFUSED',
  );
  assert.deepEqual(setup.values, ['80,443', '32768\t60999']);
  setup.keeper().restore();
  assert.deepEqual(setup.values, ['', '32768\t60999']);
  assert.deepEqual(setup.record.read(), []);
});

test('a value that does not remain is reported', () => {
  const setup = new Setup();
  const deaf: Sysctls = { read: (name) => setup.sysctls.read(name), write: () => {} };
  assert.throws(() => new SysctlKeeper({ sysctls: deaf, record: setup.record }).apply(WEB), {
    code: 'SYSCTL_NOT_KEPT',
  });
});

/** What happens between two checks: a profile is applied, perhaps not completely, and others edit the list. */
const event = fc.record({
  ranges: fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(5)), { maxLength: 4 }),
  /** Killed after this many changes; 9 is never reached. */
  changes: fc.constantFrom(0, 1, 2, 9, 9, 9),
  pieces: fc.nat(3),
  added: fc.uniqueArray(fc.nat(70), { maxLength: 3 }),
  removed: fc.uniqueArray(fc.nat(70), { maxLength: 3 }),
});

describe('with any profiles, edits by others and crashes', () => {
  test('what others have put into the list is there in the end, and nothing else', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(70)), fc.array(event, { maxLength: 8 }), (found, events) => {
        const setup = new Setup();
        let others = new Set(found);
        setup.sysctls.write(RESERVED_PORTS, formatPortList(others));
        for (const { ranges, changes, pieces, added, removed } of events) {
          const tcp = ranges.map(([first, more]) => [first, first + more] as const);
          const isKilled = changes < 9;
          setup.applyAndDie(profileOf({ tcp }), changes, pieces);
          const current = parsePortList(setup.sysctls.read(RESERVED_PORTS) ?? '');
          if (!isKilled) assert.ok(current.isSupersetOf(others));
          // It is unknown who adds what is there already; a port removed from an interrupted list may come back.
          const news = new Set(added).difference(current).difference(isKilled ? others : new Set());
          const gone = isKilled ? new Set<number>() : new Set(removed);
          if (isKilled) for (const port of wanted(setup)) news.delete(port);
          others = others.union(news).difference(gone);
          setup.sysctls.write(RESERVED_PORTS, formatPortList(current.union(news).difference(gone)));
        }
        setup.keeper().restore();
        assert.equal(setup.sysctls.read(RESERVED_PORTS), formatPortList(others));
        assert.deepEqual(setup.record.read(), []);
      }),
      { numRuns: 500 },
    );
  });
});

/** The ports that an interrupted write was to add, or may have removed. */
function wanted({ record }: Setup): Set<number> {
  const change = record.read().find(({ name }) => name === RESERVED_PORTS);
  return parsePortList(change?.written ?? '').union(parsePortList(change?.before ?? ''));
}
