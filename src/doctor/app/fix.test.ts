// Applying and undoing fixes: planned, applied as planned, merged with existing settings, and undone completely.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { archiveOf } from '../../../test/support/doctor/host.ts';
import { SimFileRecord } from '../../../test/support/sim/file-record.ts';
import { SimSysctlRecord, SimSysctls } from '../../../test/support/sim/sysctls.ts';
import { PortreeveError } from '../../base/errors.ts';
import { RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import {
  BOOT_FILE,
  carryOutFix,
  carryOutUndo,
  commandsOf,
  type FixDeps,
  fix,
  isDone,
  planFix,
  planUndo,
  reservedByGuard,
} from './fix.ts';

const BLACKLIST = '/etc/bindresvport.blacklist';
const NONE = { reserve: [], blacklist: new Map<number, string>() };
const reserve = (first: number, last = first) => ({ ...NONE, reserve: [{ first, last }] });
const blacklist = (port: number) => ({ ...NONE, blacklist: new Map([[port, 'unbound']]) });

/** A host with files in memory. */
class Host {
  readonly files = new Map<string, string>();
  readonly sysctls = new SimSysctls();
  readonly sysctlRecord = new SimSysctlRecord();
  readonly fileRecord = new SimFileRecord();

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(files)) this.files.set(path, text);
  }

  deps(changes: Partial<FixDeps> = {}): FixDeps {
    return {
      sysctls: this.sysctls,
      sysctlRecord: this.sysctlRecord,
      files: {
        names: (directory) =>
          [...this.files.keys()].flatMap((path) =>
            path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1)] : [],
          ),
        readText: (path) => this.files.get(path),
      },
      reader: 'systemd',
      put: (path, text) => void this.files.set(path, text),
      remove: (path) => void this.files.delete(path),
      fileRecord: this.fileRecord,
      exclusively: (act) => act(),
      ...changes,
    };
  }

  fix(remedy: Parameters<typeof planFix>[0]): void {
    fix(remedy, this.deps());
  }

  undo(guarded: ReadonlySet<number> = new Set()): readonly string[] {
    const plan = planUndo(this.deps(), guarded);
    carryOutUndo(plan, this.deps());
    return plan.skipped;
  }

  get reserved(): string | undefined {
    return this.sysctls.read(RESERVED_PORTS);
  }

  /** The reserved ports of the next boot. */
  get boot(): string | undefined {
    return / = (.*)\n/.exec(this.files.get(BOOT_FILE) ?? '')?.[1];
  }
}

test('reserves ports now and for the next boot, in addition to those already reserved', () => {
  const host = new Host({ '/etc/sysctl.d/10-a.conf': 'net.ipv4.ip_local_reserved_ports = 9000-9001\n' });
  host.sysctls.write(RESERVED_PORTS, '8080');
  const plan = planFix(reserve(40_000, 40_002), host.deps());
  assert.deepEqual(commandsOf(plan), ['sysctl -w net.ipv4.ip_local_reserved_ports=8080,40000-40002']);
  assert.deepEqual(
    plan.files.map(({ path }) => path),
    [BOOT_FILE],
  );
  assert.equal(host.reserved, '8080');
  carryOutFix(plan, host.deps());
  assert.deepEqual([host.reserved, host.boot], ['8080,40000-40002', '9000-9001,40000-40002']);
  assert.ok(isDone(planFix(reserve(40_001), host.deps())));
});

test('keeps lines that others added to the file of the doctor', () => {
  const host = new Host();
  host.fix(reserve(40_000));
  host.files.set(BOOT_FILE, `a.b = 1\n${host.files.get(BOOT_FILE)}c.d = 2\n`);
  host.fix(reserve(40_001));
  assert.match(host.files.get(BOOT_FILE) ?? '', /^a\.b = 1\n#[\s\S]* = 40000-40001\nc\.d = 2\n$/);
  host.files.set(BOOT_FILE, 'a.b = 1');
  host.fix(reserve(40_001));
  assert.match(host.files.get(BOOT_FILE) ?? '', /^a\.b = 1\nnet\..* = 40001\n$/);
});

test('a file that is too large is not a usage error', () => {
  const readText = () => {
    throw new PortreeveError('FILE_TOO_LARGE', '/x is larger than 1 bytes');
  };
  const deps = new Host().deps({ files: { names: () => [], readText } });
  assert.throws(() => planFix(blacklist(853), deps), { kind: 'environment', code: 'FILE_UNREADABLE' });
});

test('appends a port to the blacklist', () => {
  const host = new Host({ [BLACKLIST]: '631 # cups\n' });
  const plan = planFix(blacklist(853), host.deps());
  assert.deepEqual(commandsOf(plan), []);
  carryOutFix(plan, host.deps());
  assert.equal(host.files.get(BLACKLIST), '631 # cups\n853\t# unbound\n');
  assert.ok(isDone(planFix(blacklist(853), host.deps())));
});

test('plans no change for an empty remedy', () => {
  assert.deepEqual(planFix(NONE, new Host().deps()), { settings: [], files: [], notes: [] });
});

describe('undo', () => {
  test('restores the original state', () => {
    const host = new Host({ [BLACKLIST]: '631\n' });
    host.sysctls.write(RESERVED_PORTS, '8080');
    host.fix(reserve(40_000));
    host.fix({ ...blacklist(853), ...reserve(40_001), blacklist: blacklist(853).blacklist });
    assert.equal(host.reserved, '8080,40000-40001');
    assert.deepEqual(host.undo(), []);
    assert.deepEqual([...host.files], [[BLACKLIST, '631\n']]);
    assert.equal(host.reserved, '8080');
    assert.deepEqual([host.fileRecord.read(), host.sysctlRecord.read()], [[], []]);
    assert.deepEqual(planUndo(host.deps(), new Set()), { settings: [], files: [], skipped: [] });
  });

  test('keeps reserved ports that others added after the fix', () => {
    const host = new Host();
    host.fix(reserve(40_000, 40_001));
    host.sysctls.write(RESERVED_PORTS, '40001,50000');
    host.undo();
    assert.equal(host.reserved, '50000');
  });

  test('keeps the ports that the guard reserves', () => {
    const host = new Host();
    host.fix(reserve(40_000, 40_001));
    host.undo(new Set([40_001]));
    assert.equal(host.reserved, '40001');
  });

  test('keeps a port that was reserved before the fix', () => {
    const host = new Host();
    host.sysctls.write(RESERVED_PORTS, '40000');
    host.fix(reserve(40_000, 40_001));
    host.undo();
    assert.equal(host.reserved, '40000');
  });

  test('skips and still records a file that others changed after the fix', () => {
    const host = new Host({ [BLACKLIST]: '631\n' });
    host.fix(blacklist(853));
    host.files.set(BLACKLIST, '853\n');
    assert.deepEqual(host.undo(), [BLACKLIST]);
    assert.equal(host.files.get(BLACKLIST), '853\n');
    assert.deepEqual(host.undo(), [BLACKLIST]);
    host.files.set(BLACKLIST, '631\n853\t# unbound\n');
    assert.deepEqual(host.undo(), []);
    assert.equal(host.files.get(BLACKLIST), '631\n');
  });

  test('restores the text that others wrote before a second fix', () => {
    const host = new Host({ [BLACKLIST]: '631\n' });
    host.fix(blacklist(853));
    host.files.set(BLACKLIST, '700\n');
    host.fix(blacklist(853));
    host.undo();
    assert.equal(host.files.get(BLACKLIST), '700\n');
  });

  test('keeps the record of another network namespace', () => {
    const host = new Host();
    host.fix(reserve(40_000));
    const write = () => assert.fail('the record was written');
    const deps = host.deps({ sysctlRecord: { read: () => [], write } });
    carryOutUndo(planUndo(deps, new Set()), deps);
    assert.deepEqual([host.reserved, [...host.files]], ['40000', []]);
  });

  test('restores only files after a boot', () => {
    const host = new Host();
    host.fix(reserve(40_000));
    host.sysctlRecord.write([]);
    host.sysctls.write(RESERVED_PORTS, '40000');
    host.undo();
    assert.deepEqual([host.reserved, [...host.files]], ['40000', []]);
  });
});

/** A host on which the process is killed before or after the nth effect. */
class CrashingHost extends Host {
  #remaining = Number.POSITIVE_INFINITY;
  #isAfter = false;

  crashAt(effect: number, isAfter: boolean): void {
    this.#remaining = effect;
    this.#isAfter = isAfter;
  }

  override deps(): FixDeps {
    const deps = super.deps();
    const crashing =
      <Args extends readonly unknown[]>(act: (...args: Args) => void) =>
      (...args: Args) => {
        const isLast = this.#remaining-- === 0;
        if (!isLast || this.#isAfter) act(...args);
        if (isLast) throw new Error('killed');
      };
    const { sysctls, sysctlRecord, fileRecord } = this;
    return {
      ...deps,
      put: crashing(deps.put),
      remove: crashing(deps.remove),
      sysctls: {
        read: (name) => sysctls.read(name),
        write: crashing((name, value) => sysctls.write(name, value)),
      },
      sysctlRecord: { read: () => sysctlRecord.read(), write: crashing((all) => sysctlRecord.write(all)) },
      fileRecord: { read: () => fileRecord.read(), write: crashing((all) => fileRecord.write(all)) },
    };
  }

  /** Whether the process was killed before it finished. */
  killed(act: () => unknown): boolean {
    try {
      act();
      return false;
    } catch (thrown) {
      if (thrown instanceof Error && thrown.message === 'killed') return true;
      throw thrown;
    } finally {
      this.#remaining = Number.POSITIVE_INFINITY;
    }
  }
}

describe('a fix that fails halfway', () => {
  const both = (port: number, low: number) => ({ ...reserve(port), blacklist: blacklist(low).blacklist });

  for (const isAfter of [false, true]) {
    const when = isAfter ? 'after' : 'before';
    test(`can be undone or repeated if the process is killed ${when} any effect`, () => {
      let effects = 0;
      for (let isKilled = true; isKilled; effects++) {
        const host = new CrashingHost({ [BLACKLIST]: '631\n' });
        host.sysctls.write(RESERVED_PORTS, '8080');
        host.fix(both(40_000, 853));
        host.crashAt(effects, isAfter);
        isKilled = host.killed(() => host.fix(both(40_001, 854)));
        if (effects % 2 === 0) host.fix(both(40_001, 854));
        host.crashAt(effects, isAfter);
        host.killed(() => host.undo());
        assert.deepEqual(host.undo(), [], `${effects}`);
        assert.deepEqual([[...host.files], host.reserved], [[[BLACKLIST, '631\n']], '8080'], `${effects}`);
        assert.deepEqual([host.fileRecord.read(), host.sysctlRecord.read()], [[], []]);
      }
      assert.ok(effects > 7, `${effects}`);
    });
  }

  test('is recorded before it is applied, so that it can be undone', () => {
    const host = new Host({ [BLACKLIST]: '631\n' });
    const plan = planFix({ ...reserve(40_000), blacklist: blacklist(853).blacklist }, host.deps());
    const put = (path: string, text: string) => {
      if (path === BLACKLIST) throw new PortreeveError('FILE_UNWRITABLE', 'no');
      host.files.set(path, text);
    };
    assert.throws(() => carryOutFix(plan, host.deps({ put })), { code: 'FILE_UNWRITABLE' });
    assert.equal(host.reserved, '');
    assert.deepEqual(host.undo(), []);
    assert.deepEqual([...host.files], [[BLACKLIST, '631\n']]);
  });

  test('is reported if the kernel keeps another value', () => {
    const host = new Host();
    const sysctls = { read: () => '', write: () => undefined };
    const deps = host.deps({ sysctls });
    assert.throws(() => carryOutFix(planFix(reserve(40_000), deps), deps), { code: 'SYSCTL_NOT_KEPT' });
    assert.deepEqual(host.sysctlRecord.read()[0]?.written, '40000');
  });
});

test('does not change the settings of this kernel for the tree of another system', () => {
  const host = new Host();
  const deps = host.deps({ sysctls: undefined });
  const plan = planFix(reserve(40_000), deps);
  assert.deepEqual([plan.settings, plan.files.length], [[], 1]);
  carryOutFix(plan, deps);
  assert.deepEqual([host.reserved, host.boot], ['', '40000']);
});

describe('/etc/sysctl.conf', () => {
  const text = 'a.b = 1\nnet.ipv4.ip_local_reserved_ports = 1\n';

  test('is read last by procps, and an override is reported', () => {
    const deps = new Host({ '/etc/sysctl.conf': text }).deps({ reader: 'procps' });
    const { notes, files } = planFix(reserve(40_000), deps);
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? '', /^\/etc\/sysctl\.conf:2 overrides net\.ipv4\.ip_local_reserved_ports of /);
    assert.match(files[0]?.after ?? '', / = 1,40000\n$/);
  });

  test('is not reported for systemd, nor without that setting', () => {
    assert.deepEqual(planFix(reserve(40_000), new Host({ '/etc/sysctl.conf': text }).deps()).notes, []);
    const other = new Host({ '/etc/sysctl.conf': 'a.b = 1\n' }).deps({ reader: 'procps' });
    assert.deepEqual(planFix(reserve(40_000), other).notes, []);
  });
});

test('the guard reserves the ports of a profile that it enforces', async () => {
  const reserved = async (guard: 'enforce' | 'observe', ...profiles: readonly string[]) => [
    ...(await reservedByGuard({ archive: archiveOf(...profiles), guard: async () => guard })),
  ];
  const profile = 'PORT 40000 TCP A\nPORTRANGE 41000 2 UDP RESERVED';
  assert.deepEqual(await reserved('enforce', profile), [40_000, 41_000, 41_001]);
  assert.deepEqual(await reserved('observe', profile), []);
  assert.deepEqual(await reserved('enforce'), []);
});
