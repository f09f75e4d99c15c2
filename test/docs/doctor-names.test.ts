/** docs/doctor.md: its tables of systems and pools are those of the sources, and an example of choosing ports. */

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

test('the systems', () => {
  const columns = ['name', 'system', 'met', 'TCP', 'UDP'];
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

test('the pools', () => {
  const columns = ['pool', 'ports', 'protocols', 'set by'];
  assert.deepEqual(
    tableOf(FILE, columns).map((row) => columns.map((column) => row[column])),
    DEFAULT_RANGES.map((pool) => [pool.title, rangeOf(pool), pool.protocols.join(', '), pool.setting]),
  );
});

test("what contradicts itself in Stratus's table is told", () => {
  for (const row of STRATUS_TABLE) {
    const name = row.stack.replace(/ \(.*/, '');
    if (contradictions(row).length > 0) assert.match(PAGE, new RegExp(`^- ${name}: `, 'm'));
  }
});

/** What depends on nothing but the systems and IANA's registry. */
test('an example of choosing a port ends as it says', async () => {
  const [, args = '', output = ''] = /^\$ portreeve suggest (--block 100)\n([\s\S]*?)^```/m.exec(PAGE) ?? [];
  const io = capturedIo();
  assert.equal(await run(['suggest', ...args.split(' ')], io), 1);
  assert.ok(io.stdout().startsWith(output), io.stdout());
  assert.ok(output.length > 100);
});
