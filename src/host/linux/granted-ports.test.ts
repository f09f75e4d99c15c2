// Tests of the record of granted ports: it only grows, is valid for one boot, and without it every port counts as
// granted.
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { GrantedPortsFile } from './granted-ports.ts';

function place(t: TestContext): { readonly state: string; readonly pins: string } {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-granted-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return { state: join(directory, 'state'), pins: join(directory, 'pins') };
}

/** The ports in a record. */
function portsIn({ path }: GrantedPortsFile): number[] {
  const bytes = readFileSync(path);
  assert.equal(bytes.length, 65_536);
  return [...bytes.entries()].filter(([, byte]) => byte !== 0).map(([port]) => port);
}

test('added ports are recorded, and earlier ones remain', (t) => {
  const { state, pins } = place(t);
  const file = new GrantedPortsFile(state, pins);
  file.record([]);
  assert.deepEqual(portsIn(file), []);
  file.record([
    { first: 700, last: 702 },
    { first: 65_535, last: 65_535 },
  ]);
  new GrantedPortsFile(state, pins).record([{ first: 1, last: 1 }]);
  assert.deepEqual(portsIn(file), [1, 700, 701, 702, 65_535]);
  file.record([{ first: 1, last: 65_535 }]);
  assert.equal(portsIn(file).length, 65_535);
});

test('a process that has the file open sees additions', (t) => {
  const { state, pins } = place(t);
  const file = new GrantedPortsFile(state, pins);
  const fd = file.open();
  t.after(() => closeSync(fd));
  file.record([{ first: 700, last: 700 }]);
  assert.equal(readFileSync(fd)[700], 1);
});

test('an existing guard without a record may have granted every port', (t) => {
  const { state, pins } = place(t);
  mkdirSync(pins);
  const file = new GrantedPortsFile(state, pins);
  closeSync(file.open());
  assert.equal(portsIn(file).length, 65_536);
  // With a record, only the recorded ports.
  const other = place(t);
  const known = new GrantedPortsFile(other.state, other.pins);
  known.record([{ first: 700, last: 700 }]);
  mkdirSync(other.pins);
  closeSync(new GrantedPortsFile(other.state, other.pins).open());
  assert.deepEqual(portsIn(known), [700]);
});

test('the record of another boot is removed, and nothing else', (t) => {
  const { state, pins } = place(t);
  mkdirSync(state);
  writeFileSync(join(state, 'granted-udp-ports.00000000-0000-0000-0000-000000000000'), 'x');
  writeFileSync(join(state, 'profile.db'), 'x');
  const file = new GrantedPortsFile(state, pins);
  file.record([]);
  assert.deepEqual(readdirSync(state).sort(), [basename(file.path), 'profile.db'].sort());
});

test('a write error is reported', (t) => {
  const { state, pins } = place(t);
  writeFileSync(state, 'a file');
  const file = new GrantedPortsFile(state, pins);
  assert.throws(() => file.record([]), { code: 'FILE_UNWRITABLE' });
  assert.throws(() => file.open(), { code: 'FILE_UNWRITABLE' });
});
