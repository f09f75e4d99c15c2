// Tests of the error class and of its helpers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_CODES, messageOf, PortreeveError, requireFailure } from './errors.ts';

test('an error has its kind, code, message, hint and data', () => {
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

// The convention of every command: 1 no, 2 usage error, 3 could not tell.
test('each kind has its exit code', () => {
  assert.deepEqual(EXIT_CODES, { usage: 2, refused: 1, environment: 3, bug: 3 });
});

test('messageOf accepts any thrown value', () => {
  assert.deepEqual(
    [messageOf(new Error('a')), messageOf('b'), messageOf(undefined)],
    ['a', 'b', 'undefined'],
  );
});

test('requireFailure returns failures and rethrows bugs', () => {
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
