// Tests that database errors name the file, and that bugs are rethrown.
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

describe('the message names the file for', () => {
  const cases: Record<string, [code: string, action: () => unknown]> = {
    'a failed system call': ['ARCHIVE_FAILED', () => readdirSync('/nowhere')],
    'an SQLite error': ['ARCHIVE_FAILED', () => new DatabaseSync(':memory:').exec('SELECT nothing')],
    'invalid contents': [
      'ARCHIVE_CORRUPT',
      () => {
        throw new Damage('expected a number');
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

test('a bug is rethrown', () => {
  const bug = new TypeError('x is undefined');
  const failing = () => {
    throw bug;
  };
  assert.throws(
    () => FILE.guarded(failing),
    (thrown) => thrown === bug,
  );
});
