/** The error class: it carries what a person and a program need. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CODES, messageOf, PortreeveError, requireFailure } from './errors.ts';

test('an error says what, what next, and the values', () => {
  const error = new PortreeveError('ENDPOINT_TAKEN', 'port 111 is taken', 'Choose another.', { port: 111 });
  assert.ok(error instanceof Error);
  assert.deepEqual(
    { ...error, message: error.message },
    {
      name: 'PortreeveError',
      kind: 'environment',
      code: 'ENDPOINT_TAKEN',
      message: 'port 111 is taken',
      hint: 'Choose another.',
      data: { port: 111 },
    },
  );
});

// The conventions of every command: 1 no, 2 wrong usage, 3 could not tell.
test('each kind has its exit code', () => {
  assert.deepEqual(EXIT_CODES, { usage: 2, refused: 1, environment: 3, bug: 3 });
});

test('anything that was thrown has a message', () => {
  assert.deepEqual(
    [messageOf(new Error('a')), messageOf('b'), messageOf(undefined)],
    ['a', 'b', 'undefined'],
  );
});

test('a failure may be passed over, and our own bug may not', () => {
  for (const code of ['PORT_INVALID', 'GUARD_ABSENT', 'ENDPOINT_TAKEN'] as const) {
    const failure = new PortreeveError(code, 'port 111 is taken');
    assert.equal(requireFailure(failure), failure);
  }
  for (const bug of [new PortreeveError('BUG', 'no'), new TypeError('x is undefined'), 'a text']) {
    assert.throws(
      () => requireFailure(bug),
      (thrown) => thrown === bug,
    );
  }
});
