// The ephemeral ranges of operating systems, and the table of Stratus's guide.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isPort, type Protocol } from '../../base/port.ts';
import { isEphemeralOn, STACKS, stacksNamed, stackWords } from './stacks.ts';
import { contradictions, STRATUS_ADVICE, STRATUS_TABLE } from './stratus-table.ts';

const idsAt = (port: number, protocol: Protocol = 'tcp') =>
  STACKS.filter((stack) => isEphemeralOn(stack, port, protocol)).map(({ id }) => id);
const rangeOf = (word: string, protocol: Protocol = 'tcp') => {
  const [stack] = stacksNamed(word) ?? [];
  return stack && `${stack.ephemeral[protocol].first}-${stack.ephemeral[protocol].last}`;
};

test('each system has ranges for TCP and UDP, a source, and unique names', () => {
  const words = stackWords();
  assert.equal(new Set(words).size, words.length);
  for (const word of words) assert.match(word, /^[a-z0-9][a-z0-9._/-]*$/);
  for (const { ephemeral, sources, title } of STACKS) {
    assert.ok(sources.length > 0 && title !== '');
    for (const { first, last } of Object.values(ephemeral))
      assert.ok(isPort(first) && isPort(last) && first < last);
  }
});

test('the ranges are those of the systems', () => {
  const known = {
    linux: '32768-60999',
    'linux-4.1': '32768-61000',
    'linux-2.2': '1024-4999',
    freebsd: '10000-65535',
    openbsd: '1024-49151',
    netbsd: '49152-65535',
    darwin: '49152-65535',
    Windows: '49152-65535',
    'windows-2003': '1024-5000',
    illumos: '32768-65535',
    AIX: '32768-65535',
    'hp-ux': '49152-65535',
    irix: '1024-65535',
    'z/os': '1024-65535',
    gvisor: '16000-65535',
    stcp: '49152-65535',
    'stcp-old': '10000-65535',
    'ftx-3.3': '1024-6123',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(known).map((word) => [word, rangeOf(word)])), known);
  assert.equal(rangeOf('stcp-old', 'udp'), '1024-65535');
});

describe('a word', () => {
  test('may select all systems or those in common use', () => {
    assert.equal(stacksNamed('all'), STACKS);
    const today = stacksNamed('today') ?? [];
    assert.ok(today.length > 3 && today.length < STACKS.length);
    assert.ok(today.every(({ group }) => group === 'today'));
  });

  test('that is unknown selects nothing', () => assert.equal(stacksNamed('plan10'), undefined));
});

test('the ephemeral range includes its first and last port', () => {
  const [linux] = stacksNamed('linux') ?? [];
  assert.ok(linux);
  const ports = [32_767, 32_768, 60_999, 61_000];
  assert.deepEqual(
    ports.map((port) => isEphemeralOn(linux, port, 'udp')),
    [false, true, true, false],
  );
});

test('systems in common use assign every port from 10000 on, and none below', () => {
  const today = stacksNamed('today') ?? [];
  for (const protocol of ['tcp', 'udp'] as const) {
    for (let port = 1; port <= 65_535; port++)
      assert.equal(
        today.some((stack) => isEphemeralOn(stack, port, protocol)),
        port >= 10_000,
        `${port}`,
      );
  }
});

describe("Stratus's table", () => {
  test('contradicts itself in two rows, and its text in a third', () => {
    const found = STRATUS_TABLE.map((row) => [row.stack, contradictions(row)] as const);
    assert.deepEqual(
      found.filter(([, phrases]) => phrases.length > 0),
      [
        ['ftServer', ['1024 is both well known and dynamic']],
        ['Linux 2.4 (and later)', ['61001-65535 are in no range']],
      ],
    );
    assert.match(
      STRATUS_TABLE.find(({ stack }) => stack === 'STCP (UDP ports)')?.remark ?? '',
      /begin at 1024/,
    );
  });

  test('has dynamic ports in the recommended range in two rows', () => {
    const { first, last } = STRATUS_ADVICE;
    const rows = STRATUS_TABLE.filter(
      ({ dynamic }) => dynamic && dynamic.first <= last && dynamic.last >= first,
    );
    assert.deepEqual(
      rows.map(({ stack }) => stack),
      ['STCP (UDP ports)', 'FTX 3.3 (and earlier)'],
    );
  });

  test('agrees with the systems that were derived from it', () => {
    const same = {
      IANA: 'iana',
      TCP_OS: 'vos-tcp-os',
      'STCP (TCP pre stcp-1098)': 'vos-stcp-old',
      'STCP (TCP post stcp-1098)': 'vos',
      'HP-UX 11x': 'hp-ux',
      'FTX 3.3 (and earlier)': 'ftx-3.3',
      'FTX 3.4 (and later)': 'ftx',
      ftServer: 'ftserver',
      'Linux 2.2': 'linux-2.2',
      'Linux 2.4 (and later)': 'linux-2.4',
    };
    for (const [stack, id] of Object.entries(same)) {
      const row = STRATUS_TABLE.find((each) => each.stack === stack);
      assert.deepEqual(row?.dynamic, stacksNamed(id)?.[0]?.ephemeral.tcp, stack);
    }
  });

  test('has the two ports of its example as dynamic: 1030 on TCP_OS, 12345 on STCP', () => {
    assert.ok(idsAt(1030).includes('vos-tcp-os'));
    assert.ok(!idsAt(1030).includes('vos-stcp-old'));
    assert.ok(idsAt(12_345).includes('vos-stcp-old'));
    assert.ok(!idsAt(12_345).includes('vos-tcp-os'));
  });
});
