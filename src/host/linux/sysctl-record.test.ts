// Tests of the record of changed kernel settings: valid for one boot and one network namespace, and written atomically.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import { bootAndNetwork } from './boot-and-network.ts';
import { SYSCTL_RECORD, SysctlRecordFile, SysctlRecordFiles } from './sysctl-record.ts';

const CHANGES: readonly SysctlChange[] = [
  { name: 'net.ipv4.ip_local_reserved_ports', found: '', written: '80,443', before: undefined },
  {
    name: 'net.ipv4.ip_local_port_range',
    found: '32768\t60999',
    written: '40000\t50000',
    before: '32768\t60999',
  },
];

function directoryOf(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'record-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('a record is read back, also by another process of the same boot and network namespace', (t) => {
  const directory = join(directoryOf(t), 'state');
  assert.deepEqual(new SysctlRecordFile(directory).read(), []);
  new SysctlRecordFile(directory).write(CHANGES);
  assert.deepEqual(new SysctlRecordFile(directory).read(), CHANGES);
  const path = join(directory, SYSCTL_RECORD);
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(directory), [SYSCTL_RECORD]);
});

test('a record of another boot or network namespace is ignored', (t) => {
  const directory = directoryOf(t);
  new SysctlRecordFile(directory, 'boot a net:[1]').write(CHANGES);
  assert.deepEqual(new SysctlRecordFile(directory, 'boot a net:[1]').read(), CHANGES);
  assert.deepEqual(new SysctlRecordFile(directory, 'boot b net:[1]').read(), []);
  assert.deepEqual(new SysctlRecordFile(directory, 'boot a net:[2]').read(), []);
  assert.match(bootAndNetwork(), /^boot [0-9a-f-]{36} net:\[\d+\]$/);
});

test('without changes the file is removed', (t) => {
  const directory = directoryOf(t);
  const record = new SysctlRecordFile(directory);
  record.write(CHANGES);
  record.write([]);
  assert.deepEqual(record.read(), []);
  assert.deepEqual(readdirSync(directory), []);
  record.write([]);
});

describe('a damaged record is reported and kept', () => {
  const stamp = bootAndNetwork();
  const texts: Record<string, string> = {
    'an empty file': '',
    'invalid JSON': '{"stamp":',
    'an array': '[]',
    'without changes': JSON.stringify({ stamp }),
    'without a stamp': JSON.stringify({ changes: [] }),
    'a change of null': JSON.stringify({ stamp, changes: [null] }),
    'a change without a field': JSON.stringify({ stamp, changes: [{ name: 'a.b', found: '', written: '' }] }),
    'a field of the wrong type': JSON.stringify({
      stamp,
      changes: [{ name: 'a.b', found: 1, written: '', before: null }],
    }),
  };
  for (const [name, text] of Object.entries(texts)) {
    test(name, (t) => {
      const directory = directoryOf(t);
      writeFileSync(join(directory, SYSCTL_RECORD), text);
      assert.throws(
        () => new SysctlRecordFile(directory).read(),
        (thrown) => thrown instanceof PortreeveError && thrown.code === 'SYSCTL_RECORD_DAMAGED',
      );
      assert.equal(statSync(join(directory, SYSCTL_RECORD)).size, text.length);
    });
  }
});

test('a failed write keeps the previous record', (t) => {
  const directory = directoryOf(t);
  writeFileSync(join(directory, 'file'), '');
  const record = new SysctlRecordFile(join(directory, 'file', 'state'));
  assert.throws(() => record.write(CHANGES), { code: 'FILE_UNWRITABLE' });
  assert.deepEqual(readdirSync(directory), ['file']);
});

describe('the records of several network namespaces', () => {
  test('are separate for each cookie, and dropped separately', (t) => {
    const directory = directoryOf(t);
    const records = new SysctlRecordFiles(join(directory, 'state'));
    assert.deepEqual(records.cookies(), []);
    records.of(4n).write(CHANGES);
    records.of(18_446_744_073_709_551_615n).write(CHANGES.slice(0, 1));
    const again = new SysctlRecordFiles(join(directory, 'state'));
    assert.deepEqual([...again.cookies()].sort(), [18_446_744_073_709_551_615n, 4n].sort());
    assert.deepEqual([again.of(4n).read(), again.of(5n).read()], [CHANGES, []]);
    again.forget(4n);
    assert.deepEqual([again.cookies(), again.of(4n).read()], [[18_446_744_073_709_551_615n], []]);
  });

  test('of another boot are ignored', (t) => {
    const directory = directoryOf(t);
    new SysctlRecordFile(directory, 'boot a netns 4', 'sysctls-4.json').write(CHANGES);
    assert.deepEqual(new SysctlRecordFiles(directory).of(4n).read(), []);
  });

  test('include that of an older portreeve, which is converted', (t) => {
    const directory = directoryOf(t);
    new SysctlRecordFile(directory).write(CHANGES);
    assert.deepEqual(new SysctlRecordFiles(directory).of(4n).read(), CHANGES);
    assert.deepEqual(readdirSync(directory), ['sysctls-4.json']);
    new SysctlRecordFile(directory, 'boot a net:[1]').write(CHANGES);
    assert.deepEqual(new SysctlRecordFiles(directory).of(5n).read(), []);
  });
});
