// What goes wrong with a database of ours is an error that names its file; our own bugs stay what they are.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { codeOf } from '../../../test/support/profile-archive-cases.ts';
import { Damage, DatabaseFile } from './database.ts';

const PATH = '/nowhere/archive.sqlite';
const FILE = new DatabaseFile(PATH, {
  ...{ application: 1, version: 1, schema: '', mode: 0o600, gid: undefined, remedy: 'portreeve apply' },
});

describe('names the file', () => {
  const cases: Record<string, [code: string, action: () => unknown]> = {
    'what a system call refuses': ['ARCHIVE_FAILED', () => readdirSync('/nowhere')],
    'what SQLite refuses': ['ARCHIVE_FAILED', () => new DatabaseSync(':memory:').exec('SELECT nothing')],
    'what cannot be ours': [
      'ARCHIVE_CORRUPT',
      () => {
        throw new Damage('there is no number');
      },
    ],
  };
  for (const [name, [code, action]] of Object.entries(cases)) {
    test(name, () => {
      const guarded = () => FILE.guarded(action);
      assert.equal(codeOf(guarded), code);
      assert.throws(guarded, { message: new RegExp(PATH) });
    });
  }
});

test('our own bug is thrown on', () => {
  const bug = new TypeError('x is undefined');
  const failing = () => {
    throw bug;
  };
  assert.throws(
    () => FILE.guarded(failing),
    (thrown) => thrown === bug,
  );
});
