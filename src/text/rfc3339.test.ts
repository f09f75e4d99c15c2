// Tests of RFC 3339 timestamps, including its examples.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRfc3339 } from './rfc3339.ts';

test('the examples of RFC 3339 5.8 are accepted', () => {
  assert.equal(parseRfc3339('1985-04-12T23:20:50.52Z'), Date.UTC(1985, 3, 12, 23, 20, 50, 520));
  assert.equal(parseRfc3339('1996-12-19T16:39:57-08:00'), Date.UTC(1996, 11, 20, 0, 39, 57));
  assert.equal(parseRfc3339('1937-01-01T12:00:27.87+00:20'), Date.UTC(1937, 0, 1, 11, 40, 27, 870));
});

test('a space instead of T, and lower case, are accepted (RFC 3339 5.6)', () => {
  const expected = Date.UTC(2026, 10, 20, 10, 59, 3);
  for (const text of ['2026-11-20T10:59:03Z', '2026-11-20 10:59:03Z', '2026-11-20t10:59:03z']) {
    assert.equal(parseRfc3339(text), expected);
  }
});

test('invalid timestamps are rejected', () => {
  const texts = [
    '',
    '2026-11-20',
    '2026-11-20T10:59:03',
    '2026-11-20T10:59Z',
    '2026-02-30T10:59:03Z',
    '2026-13-01T10:59:03Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T10:60:00Z',
    '2026-11-20T10:59:03.Z',
    '2026-11-20T10:59:03+24:00',
    ' 2026-11-20T10:59:03Z',
    '2026-11-20T10:59:03Z\n',
    '+002026-11-20T10:59:03Z',
  ];
  for (const text of texts) assert.equal(parseRfc3339(text), undefined, text);
  assert.equal(parseRfc3339('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29));
});

test('timestamps that JavaScript writes are parsed', () => {
  const years = {
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  };
  fc.assert(
    fc.property(fc.date(years), (date) => {
      assert.equal(parseRfc3339(date.toISOString()), date.getTime());
    }),
  );
});
