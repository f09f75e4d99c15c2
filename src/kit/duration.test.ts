// Durations that options accept, and texts that are not durations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, readDuration } from './duration.ts';

const WAIT = { option: '--wait', minMs: 500, maxMs: 86_400_000 } as const;

const LEGAL: Readonly<Record<string, number>> = {
  '500ms': 500,
  '1s': 1000,
  '90s': 90_000,
  '5m': 300_000,
  '24h': 86_400_000,
  '1d': 86_400_000,
};
for (const [text, ms] of Object.entries(LEGAL)) {
  test(`${text} is ${ms} ms`, () => {
    assert.equal(readDuration(text), ms);
    assert.equal(parseDuration(text, WAIT), ms);
  });
}

test('a number without a unit is in seconds in an option', () => {
  assert.equal(parseDuration('90', WAIT), 90_000);
  assert.equal(readDuration('90'), undefined);
});

for (const text of ['', 's', '1.5h', '-1s', '+1s', '1S', '1 s', '1w', '1h30m', '0x1s', '99999999999s']) {
  test(`${JSON.stringify(text)} is not a duration`, () => {
    assert.equal(readDuration(text), undefined);
    assert.throws(() => parseDuration(text, WAIT), {
      kind: 'usage',
      code: 'DURATION_INVALID',
      message: `"${text}" is not a valid duration for --wait`,
    });
  });
}

test('refuses a duration outside the limits and states the limits', () => {
  for (const text of ['0', '499ms', '86400001ms', '25h', '2d']) {
    assert.throws(() => parseDuration(text, WAIT), { hint: /^--wait takes 500ms to 1d, such as / }, text);
  }
});
