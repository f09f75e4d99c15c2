// The coverage report lists files with the lowest coverage first, and sums up each folder of src.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverageReport } from './coverage.ts';

test('lists files and folders by coverage, lowest first', () => {
  const report = coverageReport([
    { path: 'src/text/a.ts', lines: 10, run: 10 },
    { path: 'src/text/deep/b.ts', lines: 30, run: 10 },
    { path: 'src/wire/c.ts', lines: 4, run: 3 },
    { path: 'src/wire/types.ts', lines: 0, run: 0 },
  ]);
  const rows = report.split('\n').map((line) => line.trim().split(/ +/).join(' '));
  assert.deepEqual(
    rows.filter((row) => row.startsWith('src/')),
    [
      'src/text/deep/b.ts 30 33.3%',
      'src/wire/c.ts 4 75.0%',
      'src/text/a.ts 10 100.0%',
      'src/wire/types.ts 0 100.0%',
      'src/text 40 50.0%',
      'src/wire 4 75.0%',
    ],
  );
});
