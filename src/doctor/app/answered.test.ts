// What could not be asked is reported; our own bugs are not taken for that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import { answered } from './answered.ts';

test('an answer is given, and nothing is reported', async () => {
  const unknown: string[] = [];
  assert.equal(await answered('the port', () => 80, unknown), 80);
  assert.equal(await answered('the port', async () => 443, unknown), 443);
  assert.deepEqual(unknown, []);
});

test('a failure is reported by the first line of its message', async () => {
  const unknown = ['before'];
  for (const code of ['PORT_INVALID', 'GUARD_ABSENT', 'DAEMON_ABSENT'] as const) {
    const question = () => {
      throw new PortreeveError(code, 'no daemon answers:\n  one\n  two');
    };
    assert.equal(await answered('the guard', question, unknown), undefined);
  }
  assert.deepEqual(unknown, ['before', ...Array(3).fill('the guard: no daemon answers')]);
});

for (const bug of [new PortreeveError('BUG', 'a promise is broken'), new TypeError('x is undefined')]) {
  test(`our own bug is thrown on: ${bug.name}`, async () => {
    const unknown: string[] = [];
    const isSame = (thrown: unknown) => thrown === bug;
    const failing = () => {
      throw bug;
    };
    await assert.rejects(answered('the guard', failing, unknown), isSame);
    await assert.rejects(
      answered('the guard', () => Promise.reject(bug), unknown),
      isSame,
    );
    assert.deepEqual(unknown, []);
  });
}
