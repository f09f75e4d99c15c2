/** docs/limits.md and src/base/limits.ts say the same. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from '../../src/base/limits.ts';
import { tableOf } from '../support/tables.ts';

test('each limit is in docs/limits.md with its value, and no other', () => {
  const documented = tableOf('docs/limits.md', ['limit', 'value', 'what it bounds']).map((row) => {
    assert.match(row['what it bounds'] ?? '', /^[A-Z].*\.$/);
    return [row['limit']?.replaceAll('`', ''), row['value']?.replaceAll(',', '')];
  });
  const exported = Object.entries(limits).map(([name, value]) => [name, `${value}`]);
  assert.deepEqual(documented.sort(), exported.sort());
});

test('each limit names its unit', () => {
  for (const name of Object.keys(limits)) {
    assert.match(name, /_(MS|BYTES|CHARACTERS|DATAGRAMS|CONNECTIONS|REGISTRATIONS|LINES|MAX)$/);
  }
});
