// docs/limits.md lists the limits of src/base/limits.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as limits from '../../src/base/limits.ts';
import { tableOf } from '../support/tables.ts';

test('docs/limits.md lists exactly the limits with their values', () => {
  const documented = tableOf('docs/limits.md', ['limit', 'value', 'what it bounds']).map((row) => {
    assert.match(row['what it bounds'] ?? '', /^[A-Z].*\.$/);
    return [row['limit']?.replaceAll('`', ''), row['value']?.replaceAll(',', '')];
  });
  const exported = Object.entries(limits).map(([name, value]) => [name, `${value}`]);
  assert.deepEqual(documented.sort(), exported.sort());
});

test('the name of each limit ends with its unit', () => {
  for (const name of Object.keys(limits)) {
    assert.match(name, /_(MS|BYTES|CHARACTERS|DATAGRAMS|CONNECTIONS|REGISTRATIONS|LINES|MAX)$/);
  }
});
