// Tests of port lists: valid, invalid, and canonical.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PortreeveError } from '../base/errors.ts';
import { PORT_LIST_MAX_CHARACTERS } from '../base/limits.ts';
import { formatPortList, parsePortList } from './port-list.ts';

const ALL = Array.from({ length: 65536 }, (_, port) => port);

describe('a list', () => {
  const lists: Record<string, number[]> = {
    '': [],
    '0': [0],
    '1': [1],
    '65535': [65535],
    '65534-65535': [65534, 65535],
    '1-4,6,10-10': [1, 2, 3, 4, 6, 10],
    '6,1-2,2-3': [1, 2, 3, 6],
    '0-65535': ALL,
  };
  for (const [text, ports] of Object.entries(lists)) {
    test(`"${text}" is parsed`, () => assert.deepEqual([...parsePortList(text)], ports));
  }

  test('with every port many times is parsed', () => {
    assert.equal(parsePortList('0-65535,'.repeat(50_000).slice(0, -1)).size, 65536);
  });

  test('with every port as a separate range is parsed', () => {
    const text = ALL.map((port) => `${port}-${port}`).join(',');
    assert.ok(text.length <= PORT_LIST_MAX_CHARACTERS);
    assert.equal(parsePortList(text).size, 65536);
  });
});

describe('an invalid list', () => {
  const texts = [
    ...[',', '1,', ',1', '1,,2', '1, 2', ' 1', '1\n', '1-', '-1', '1-2-3', '5-3', '65536', '1-65536'],
    ...['00', '012', '0x10', '1.5', '+1', '1e3', 'ssh', '99999999999', '１'],
    `${'1,'.repeat(PORT_LIST_MAX_CHARACTERS / 2)}1`,
  ];
  for (const text of texts) {
    test(`${JSON.stringify(text.slice(0, 20))} is rejected`, () => {
      assert.throws(
        () => parsePortList(text),
        (thrown) => thrown instanceof PortreeveError && thrown.code === 'PORT_LIST_INVALID',
      );
    });
  }
});

describe('a formatted list', () => {
  const lists: [ports: number[], text: string][] = [
    [[], ''],
    [[0], '0'],
    [[10, 4, 2, 3, 1, 6], '1-4,6,10'],
    [[1, 2], '1-2'],
    [[0, 65535], '0,65535'],
    [[65534, 65535], '65534-65535'],
    [ALL, '0-65535'],
  ];
  for (const [ports, text] of lists) {
    test(`is "${text}"`, () => assert.equal(formatPortList(new Set(ports)), text));
  }

  test('is parsed to the same set', () => {
    const range = fc.record({ first: fc.nat(65535), length: fc.integer({ min: 1, max: 300 }) });
    fc.assert(
      fc.property(fc.array(range, { maxLength: 50 }), (ranges) => {
        const ports = new Set(ranges.flatMap(({ first, length }) => ALL.slice(first, first + length)));
        const text = formatPortList(ports);
        assert.deepEqual(parsePortList(text), ports);
        assert.equal(formatPortList(parsePortList(text)), text);
      }),
    );
  });
});
