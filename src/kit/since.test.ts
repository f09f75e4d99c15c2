// Values that --since accepts and refuses.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PortreeveError } from '../base/errors.ts';
import { parseSince } from './since.ts';

const NOW = new Date(2026, 10, 20, 10, 59, 3, 456).getTime();
const HOUR_MS = 3_600_000;

describe('accepted values', () => {
  const cases: Record<string, number> = {
    '30s': NOW - 30_000,
    '10m': NOW - 600_000,
    '2h': NOW - 2 * HOUR_MS,
    '7d': NOW - 7 * 24 * HOUR_MS,
    '0s': NOW,
    '999999999d': 0,
    today: new Date(2026, 10, 20).getTime(),
    '2026-11-20T09:00:00Z': Date.UTC(2026, 10, 20, 9),
    '2026-11-20 09:00:00+01:00': Date.UTC(2026, 10, 20, 8),
  };
  for (const [text, time] of Object.entries(cases)) {
    test(text, () => assert.equal(parseSince(text, NOW), time));
  }
});

test('refuses any other text with a hint', () => {
  for (const text of [
    '',
    '10',
    'm',
    '-10m',
    '1.5h',
    '10M',
    '10 m',
    'yesterday',
    '2026-11-20',
    '99999999999s',
  ]) {
    assert.throws(
      () => parseSince(text, NOW),
      (thrown) =>
        thrown instanceof PortreeveError && thrown.code === 'TIME_INVALID' && /10m/.test(thrown.hint),
      text,
    );
  }
});
