/** Tests the registration log: what is read back, what is set aside, and a full disk. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { serviceAt } from '../../../test/support/service.ts';
import { SimDisk, type SimLogFile } from '../../../test/support/sim/log-file.ts';
import { LOG_COMPACT_MIN_BYTES } from '../../base/limits.ts';
import { Liveness } from '../core/liveness.ts';
import { type Registration, Registrations } from '../core/registrations.ts';
import { decodeLogHeader, LOG_HEADER_BYTES, readLog } from '../wire/registration-log.ts';
import { Journal } from './journal.ts';

/** More than a SET and its UNSET take. */
const PAIR_MIN_BYTES = 64;
const STAMP = 'boot 1 net:[1]';

type Files = readonly [SimLogFile, SimLogFile];

function twoFiles(disk = new SimDisk()): Files {
  return [disk.file(), disk.file()];
}

function entry(program: number, more: Partial<Registration> = {}): Registration {
  const key = { program, version: 1, netid: 'udp' } as const;
  const owned = { owner: 1000, builtIn: false, isElsewhere: false };
  return { ...key, ...serviceAt('udp', '0.0.0.0.8.1'), ...owned, ...more };
}

/** A log that was recovered and started, and its table. */
function opened(files: Files, stamp = STAMP) {
  const journal = new Journal(files, stamp, new Liveness());
  const table = new Registrations(journal);
  const { changes, setAside } = journal.recover();
  for (const change of changes) {
    const { program, version, netid } = change;
    if (change.kind === 'unset') table.forget(program, version, netid);
    else if (change.kind === 'set') {
      const { owner, isElsewhere, uaddr } = change;
      table.restore(entry(program, { version, netid, owner, isElsewhere, ...serviceAt(netid, uaddr) }));
    }
  }
  journal.start(table.all());
  return { journal, table, setAside, changes };
}

const programs = ({ table }: { table: Registrations }): number[] =>
  [...table.all()].map(({ program }) => program);

/** The active file, by its header. */
function newest(files: Files): SimLogFile {
  const generation = (file: SimLogFile): number => decodeLogHeader(file.read())?.generation ?? 0;
  return generation(files[0]) > generation(files[1]) ? files[0] : files[1];
}

/** Inverts the bits of a byte of a record: the `index`th of the file, from 0. */
function damage(file: SimLogFile, index: number): number {
  const bytes = file.read();
  let at = LOG_HEADER_BYTES;
  for (let i = 0; i < index; i++) at += 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(at);
  file.write(new Uint8Array([(bytes[at + 20] ?? 0) ^ 0xff]), at + 20);
  return at;
}

/** 1, 2 and 3 are in the older log and in the table of the newer one, which then removes 2 and adds 4. */
function twoLogs(): Files {
  const files = twoFiles();
  const { table } = opened(files);
  for (const program of [1, 2, 3]) assert.ok('added' in table.set(entry(program)));
  const next = opened(files);
  next.table.unset({ program: 2, version: 1 }, 1000);
  next.table.set(entry(4));
  return files;
}

describe('a log', () => {
  test('is empty at first, and can be started', () => {
    const files = twoFiles();
    const { changes, setAside, journal } = opened(files);
    assert.deepEqual([changes, setAside, journal.failure], [[], [], '']);
    assert.deepEqual(decodeLogHeader(newest(files).read()), { generation: 1, stamp: STAMP });
  });

  test('has every change in order, with all fields of the registration', () => {
    const files = twoFiles();
    const liveness = new Liveness();
    const journal = new Journal(files, STAMP, liveness);
    journal.recover();
    const table = new Registrations(journal);
    journal.start(table.all());
    const first = entry(1, { netid: 'tcp6', ...serviceAt('tcp6', '::.8.2'), owner: 0, isElsewhere: true });
    liveness.registered(first, { uid: 7, inode: 9 }, 0);
    table.set(first);
    table.set(entry(2));
    table.unset({ program: 1, version: 1 }, 0);
    assert.deepEqual(new Journal(files, STAMP, liveness).recover().changes, [
      {
        kind: 'set',
        program: 1,
        version: 1,
        netid: 'tcp6',
        uaddr: '::.8.2',
        owner: 0,
        isElsewhere: true,
        socket: { uid: 7, inode: 9 },
      },
      {
        kind: 'set',
        program: 2,
        version: 1,
        netid: 'udp',
        uaddr: '0.0.0.0.8.1',
        owner: 1000,
        isElsewhere: false,
        socket: undefined,
      },
      { kind: 'unset', program: 1, version: 1, netid: 'tcp6' },
    ]);
  });

  test('has no entry of the port mapper itself', () => {
    const files = twoFiles();
    const { table } = opened(files);
    table.set(entry(100000, { builtIn: true }));
    table.set(entry(5));
    opened(files).journal.start(table.all());
    assert.deepEqual(programs(opened(files)), [5]);
  });

  test('is written before the change is made', () => {
    const disk = new SimDisk();
    const files = twoFiles(disk);
    const { table } = opened(files);
    disk.killAfterBytes = 10;
    assert.throws(() => table.set(entry(1)));
    assert.equal(table.size, 0);
    disk.killAfterBytes = Number.POSITIVE_INFINITY;
    assert.deepEqual([programs(opened(files)), opened(files).setAside], [[], []]);
  });

  test('alternates between the files with each start, and the newer file is used', () => {
    const files = twoFiles();
    for (let start = 1; start <= 5; start++) {
      const { table, setAside } = opened(files);
      assert.deepEqual([table.size, setAside], [start - 1, []]);
      assert.equal(newest(files), files[start % 2]);
      table.set(entry(start));
    }
  });
});

describe('a torn last record', () => {
  test('is not reported, and the log continues before it', () => {
    const files = twoLogs();
    const file = newest(files);
    file.truncate(file.length - 1);
    const { table, setAside } = opened(files);
    assert.deepEqual([programs({ table }), setAside], [[1, 3], []]);
    table.set(entry(5));
    assert.deepEqual(programs(opened(files)), [1, 3, 5]);
  });

  test('leaves no trace when a new log cannot be written', () => {
    const disk = new SimDisk();
    const files = twoFiles(disk);
    const { table } = opened(files);
    for (const program of [1, 2, 3]) table.set(entry(program));
    const file = newest(files);
    file.truncate(file.length - 1);
    disk.capacityBytes = LOG_HEADER_BYTES * 2;
    const next = opened(files);
    assert.equal(newest(files), file);
    assert.equal(readLog(file.read()).tail, 'clean');
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    next.table.set(entry(4));
    assert.deepEqual(programs(opened(files)), [1, 2, 4]);
  });
});

describe('a damaged log', () => {
  test('is not reported when the log is intact: it is read to its end', () => {
    const { setAside, ...log } = opened(twoLogs());
    assert.deepEqual([programs(log), setAside], [[1, 3, 4], []]);
  });

  test('is set aside and reported; the records before the damage are used', () => {
    const files = twoLogs();
    const file = newest(files);
    const at = damage(file, 4);
    const { setAside, ...log } = opened(files);
    assert.deepEqual(programs(log), [1, 3]);
    assert.deepEqual(setAside, [
      { file: files.indexOf(file), word: 'damaged', reason: `its record at byte ${at} is damaged` },
    ]);
  });

  test('is completed by the older log with the table that it began with', () => {
    const files = twoLogs();
    damage(newest(files), 1);
    assert.deepEqual(programs(opened(files)).toSorted(), [1, 2, 3]);
  });

  test('with a damaged header is replaced by the older one', () => {
    const files = twoLogs();
    const file = newest(files);
    file.write(new Uint8Array([0]), 0);
    const { setAside, ...log } = opened(files);
    assert.deepEqual(programs(log), [1, 2, 3]);
    assert.deepEqual(setAside, [
      { file: files.indexOf(file), word: 'damaged', reason: 'its header is damaged' },
    ]);
  });

  test('that is older is set aside and has no effect', () => {
    const files = twoLogs();
    const older = newest(files) === files[0] ? files[1] : files[0];
    damage(older, 0);
    const { setAside, ...log } = opened(files);
    assert.deepEqual(programs(log), [1, 3, 4]);
    assert.deepEqual(
      setAside.map(({ file }) => files[file]),
      [older],
    );
  });

  test('is set aside only once, and a valid one follows', () => {
    for (const record of [0, 2, 4]) {
      const files = twoLogs();
      damage(newest(files), record);
      const repaired = opened(files);
      repaired.table.set(entry(9));
      const next = opened(files);
      assert.deepEqual(next.setAside, []);
      assert.deepEqual(programs(next), programs(repaired));
    }
  });
});

describe('a log of another boot or network namespace', () => {
  test('is set aside, in both files, and not read', () => {
    const files = twoLogs();
    const { table, setAside } = opened(files, 'boot 2 net:[1]');
    assert.equal(table.size, 0);
    const reason = `it belongs to ${STAMP}, not boot 2 net:[1]`;
    assert.deepEqual(setAside, [
      { file: 0, word: 'other-boot', reason },
      { file: 1, word: 'other-boot', reason },
    ]);
    table.set(entry(7));
    const next = opened(files, 'boot 2 net:[1]');
    assert.deepEqual([programs(next), next.setAside], [[7], []]);
  });

  test('does not affect a log of this one in the other file', () => {
    const files = twoLogs();
    const own = opened(files);
    const foreign = newest(files) === files[0] ? files[1] : files[0];
    const other = twoLogs();
    opened(other, 'boot 2');
    foreign.truncate(0);
    foreign.write(newest(other).read(), 0);
    own.table.set(entry(8));
    const { setAside, ...log } = opened(files);
    assert.deepEqual(programs(log), [1, 3, 4, 8]);
    assert.deepEqual(
      setAside.map(({ file, word }) => [files[file], word]),
      [[foreign, 'other-boot']],
    );
  });
});

describe('on a full disk', () => {
  test('a change is refused with the reason, and made when there is space again', () => {
    const disk = new SimDisk();
    const files = twoFiles(disk);
    const { table, journal } = opened(files);
    table.set(entry(1));
    disk.capacityBytes = LOG_HEADER_BYTES + 100;
    assert.deepEqual(table.set(entry(2)), { refused: 'UNWRITTEN', failure: 'ENOSPC' });
    assert.equal(journal.failure, 'ENOSPC');
    disk.capacityBytes = LOG_HEADER_BYTES;
    assert.equal(table.unset({ program: 1, version: 1 }, 0).kept?.refusal.refused, 'UNWRITTEN');
    assert.deepEqual(programs({ table }), [1]);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    assert.deepEqual(table.set(entry(3)), { added: true });
    assert.equal(journal.failure, '');
    const { setAside, ...log } = opened(files);
    assert.deepEqual([programs(log), setAside], [[1, 3], []]);
  });

  test('a partially written change is removed', () => {
    const disk = new SimDisk();
    const files = twoFiles(disk);
    const { table } = opened(files);
    table.set(entry(1));
    disk.capacityBytes = newest(files).length + 50;
    assert.equal('added' in table.set(entry(2)), false);
    assert.equal(table.unset({ program: 1, version: 1 }, 0).removed.length, 1);
    assert.equal(readLog(newest(files).read()).tail, 'clean');
  });

  test('starting the log fails, and is tried again every second', () => {
    const disk = new SimDisk();
    disk.capacityBytes = LOG_HEADER_BYTES - 1;
    const files = twoFiles(disk);
    const { table, journal } = opened(files);
    assert.deepEqual(table.set(entry(1)), { refused: 'UNWRITTEN', failure: 'ENOSPC' });
    assert.equal(journal.failure, 'ENOSPC');
    journal.compactIfLong(table.all(), 5000);
    disk.capacityBytes = Number.POSITIVE_INFINITY;
    journal.compactIfLong(table.all(), 5999);
    assert.equal('added' in table.set(entry(1)), false);
    journal.compactIfLong(table.all(), 6000);
    assert.equal('added' in table.set(entry(1)), true);
    assert.deepEqual(programs(opened(files)), [1]);
  });
});

describe('a log that has grown long', () => {
  /** Makes changes until the log has this length. */
  function grown(files: Files) {
    const log = opened(files);
    const file = newest(files);
    for (let i = 0; i * PAIR_MIN_BYTES < LOG_COMPACT_MIN_BYTES; i++) {
      log.table.set(entry(1));
      log.table.unset({ program: 1, version: 1 }, 0);
    }
    log.table.set(entry(2));
    assert.ok(file.length > LOG_COMPACT_MIN_BYTES);
    return { ...log, file };
  }

  test('is rewritten, as short as the table', () => {
    const files = twoFiles();
    const { table, journal, file } = grown(files);
    journal.compactIfLong(table.all(), 0);
    assert.notEqual(newest(files), file);
    assert.ok(newest(files).length < 300);
    table.set(entry(3));
    assert.deepEqual(programs(opened(files)), [2, 3]);
  });

  test('is not rewritten earlier, and is continued if there is no space for another', () => {
    const disk = new SimDisk();
    const files = twoFiles(disk);
    const short = opened(files);
    short.table.set(entry(9));
    const before = newest(files);
    short.journal.compactIfLong(short.table.all(), 0);
    assert.equal(newest(files), before);
    const { table, journal, file } = grown(files);
    disk.capacityBytes = file.length + 100;
    journal.compactIfLong(table.all(), 0);
    assert.equal(newest(files), file);
    table.set(entry(4));
    assert.deepEqual(programs(opened(files)), [9, 2, 4]);
  });
});
