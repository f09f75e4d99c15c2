/** Each decision has a number, a status, a date and its parts, and docs/decisions/README.md lists all of them. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ROOT } from '../support/files.ts';
import { tableOf } from '../support/tables.ts';

const FOLDER = new URL('docs/decisions/', ROOT);
const INDEX = 'README.md';
const RECORDS = readdirSync(FOLDER)
  .filter((file) => file !== INDEX)
  .sort();
const HEAD = /^# (?<number>\d+)\. .+\n\nStatus: (?<status>.+)\nDate: \d{4}-\d\d-\d\d\n\n/;

const textOf = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');
const statusOf = (file: string): string => HEAD.exec(textOf(file))?.groups?.['status'] ?? '';

describe('the record', () => {
  for (const [index, file] of RECORDS.entries()) {
    test(file, () => {
      assert.equal(file.slice(0, 5), `${String(index + 1).padStart(4, '0')}-`);
      const text = textOf(file);
      assert.match(text, HEAD);
      const sections = [...text.matchAll(/^## (.+)$/gm)].map(([, name]) => name);
      const parts = ['Context', 'Decision', 'Consequences'];
      assert.deepEqual(
        sections.filter((name = '') => parts.includes(name)),
        parts,
      );
      assert.match(text, new RegExp(`^# ${index + 1}\\. `));
    });
  }
});

test('a record is accepted, rejected, or superseded by a newer one that names it', () => {
  for (const file of RECORDS) {
    const [, newer] = /^superseded by (\d{4})$/.exec(statusOf(file)) ?? [];
    if (newer === undefined) assert.ok(['accepted', 'rejected'].includes(statusOf(file)), file);
    else {
      const other = RECORDS.find((name) => name.startsWith(`${newer}-`)) ?? assert.fail(newer);
      assert.ok(other > file && textOf(other).includes(`](${file})`), `${other} does not name ${file}`);
    }
  }
});

test('the index has every record with its status, and no other', () => {
  const rows = tableOf(`docs/decisions/${INDEX}`, ['record', 'decision', 'status']);
  assert.deepEqual(
    rows.map(({ record, status }) => [record, status]),
    RECORDS.map((file) => [`[${file.slice(0, 4)}](${file})`, statusOf(file)]),
  );
  for (const { decision = '' } of rows) assert.notEqual(decision.trim(), '');
});
