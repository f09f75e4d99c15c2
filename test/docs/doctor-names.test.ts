// docs/doctor.md: its tables of systems and default ranges equal those in the source, and an example runs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { run } from '../../src/main/program.ts';
import { DEFAULT_RANGES } from '../../src/names/core/default-ranges.ts';
import { STACKS } from '../../src/names/core/stacks.ts';
import { contradictions, STRATUS_TABLE } from '../../src/names/core/stratus-table.ts';
import { capturedIo } from '../support/captured-io.ts';
import { ROOT } from '../support/files.ts';
import { tableOf } from '../support/tables.ts';

const FILE = 'docs/doctor.md';
const PAGE = readFileSync(new URL(FILE, ROOT), 'utf8');

const rangeOf = ({ first, last }: { readonly first: number; readonly last: number }) => `${first}-${last}`;

test('the table of systems equals the source', () => {
  const columns = ['name', 'system', 'in use', 'TCP', 'UDP'];
  assert.deepEqual(
    tableOf(FILE, columns).map((row) => columns.map((column) => row[column]?.replaceAll('`', ''))),
    STACKS.map(({ id, title, group, ephemeral }) => [
      id,
      title,
      group,
      rangeOf(ephemeral.tcp),
      rangeOf(ephemeral.udp),
    ]),
  );
});

test('the table of default ranges equals the source', () => {
  const columns = ['default range', 'ports', 'protocols', 'set by'];
  assert.deepEqual(
    tableOf(FILE, columns).map((row) => columns.map((column) => row[column])),
    DEFAULT_RANGES.map((range) => [range.title, rangeOf(range), range.protocols.join(', '), range.setting]),
  );
});

test("lists the contradictions in Stratus's table", () => {
  for (const row of STRATUS_TABLE) {
    const name = row.stack.replace(/ \(.*/, '');
    if (contradictions(row).length > 0) assert.match(PAGE, new RegExp(`^- ${name}: `, 'm'));
  }
});

// The output depends only on the systems and IANA's registry.
test('the example of choosing ports prints the documented output', async () => {
  const [, args = '', output = ''] = /^\$ portreeve suggest (--block 100)\n([\s\S]*?)^```/m.exec(PAGE) ?? [];
  const io = capturedIo();
  assert.equal(await run(['suggest', ...args.split(' ')], io), 1);
  assert.ok(io.stdout().startsWith(output), io.stdout());
  assert.ok(output.length > 100);
});
