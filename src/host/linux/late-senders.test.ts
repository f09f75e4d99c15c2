// Tests that only a socket observed before a datagram was sent identifies its sender, and that users do not affect each
// other.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LateSenders } from './late-senders.ts';
import type { DatagramOwner } from './socket-table.ts';

const PORT = 40_000;
const LIMITS = { all: 6, perUser: 3, keptUs: 1000 };

function socket(uid: number, cookie: number): DatagramOwner {
  return { uid, cookie, isExclusive: true };
}

describe('an observed socket', () => {
  const late = new LateSenders(LIMITS);
  late.observe(PORT, socket(1000, 7), 100);
  // The time of sending, and that of the observation.
  const cases: Record<string, [owner: DatagramOwner, sentUs: number, nowUs: number, expected: boolean]> = {
    'is known if it sends afterwards': [socket(1000, 7), 101, 200, true],
    'is not known if it sends at the same time': [socket(1000, 7), 100, 200, false],
    'is not known if it sent before': [socket(1000, 7), 99, 200, false],
    'is not known if it sends in the future': [socket(1000, 7), 201, 200, false],
    'is not another one of the same user': [socket(1000, 8), 101, 200, false],
    'is not one of another user': [socket(1001, 7), 101, 200, false],
    'is not known after it has expired': [socket(1000, 7), 1101, 1101, false],
  };
  for (const [name, [owner, sentUs, nowUs, expected]] of Object.entries(cases)) {
    test(name, () => assert.equal(late.wasThere(PORT, owner, sentUs, nowUs), expected));
  }

  test('is not known on another port', () => {
    assert.equal(late.wasThere(PORT + 1, socket(1000, 7), 101, 200), false);
  });

  test('is observed again, and the first time counts until it expires', () => {
    const again = new LateSenders(LIMITS);
    again.observe(PORT, socket(1000, 7), 100);
    again.observe(PORT, socket(1000, 7), 900);
    assert.equal(again.wasThere(PORT, socket(1000, 7), 101, 1000), true);
    again.observe(PORT, socket(1000, 7), 1200);
    assert.equal(again.wasThere(PORT, socket(1000, 7), 1150, 1300), false);
    assert.equal(again.wasThere(PORT, socket(1000, 7), 1250, 1300), true);
    assert.equal(again.size, 1);
  });

  test('counts from now if the clock was set back', () => {
    const again = new LateSenders(LIMITS);
    again.observe(PORT, socket(1000, 7), 5000);
    again.observe(PORT, socket(1000, 7), 100);
    assert.equal(again.wasThere(PORT, socket(1000, 7), 150, 200), true);
  });
});

test('a user above the limit loses only their own oldest sockets', () => {
  const late = new LateSenders(LIMITS);
  late.observe(1, socket(1000, 1), 10);
  for (let i = 0; i < 50; i++) late.observe(100 + i, socket(1001, 100 + i), 20 + i);
  assert.equal(late.size, 1 + LIMITS.perUser);
  assert.equal(late.wasThere(1, socket(1000, 1), 500, 600), true);
  assert.equal(late.wasThere(149, socket(1001, 149), 500, 600), true);
  assert.equal(late.wasThere(100, socket(1001, 100), 500, 600), false);
});

test('above the total limit, the user with the most sockets loses the oldest', () => {
  const late = new LateSenders(LIMITS);
  late.observe(1, socket(1000, 1), 10);
  for (const port of [2, 3, 4]) late.observe(port, socket(1001, port), 20);
  for (const port of [5, 6]) late.observe(port, socket(1002, port), 30);
  late.observe(7, socket(1003, 7), 40);
  assert.equal(late.size, LIMITS.all);
  const isThere = (uid: number, port: number) => late.wasThere(port, socket(uid, port), 100, 200);
  assert.deepEqual(
    [isThere(1000, 1), isThere(1001, 2), isThere(1001, 3), isThere(1002, 5), isThere(1003, 7)],
    [true, false, true, true, true],
  );
});
