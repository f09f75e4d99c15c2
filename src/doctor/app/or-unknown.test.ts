// A failed query is reported as unknown; a bug of portreeve is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../../base/errors.ts';
import { orUnknown } from './or-unknown.ts';

test('returns the answer of a query that succeeds', async () => {
  const unknown: string[] = [];
  assert.equal(await orUnknown('the port', () => 80, unknown), 80);
  assert.equal(await orUnknown('the port', async () => 443, unknown), 443);
  assert.deepEqual(unknown, []);
});

test('reports a failure with the first line of its message', async () => {
  const unknown = ['before'];
  for (const code of ['PORT_INVALID', 'GUARD_ABSENT', 'DAEMON_ABSENT'] as const) {
    const query = () => {
      throw new PortreeveError(code, 'no daemon answers:\n  one\n  two');
    };
    assert.equal(await orUnknown('the guard', query, unknown), undefined);
  }
  assert.deepEqual(unknown, ['before', ...Array(3).fill('the guard: no daemon answers')]);
});

for (const bug of [new PortreeveError('BUG', 'a promise is broken'), new TypeError('x is undefined')]) {
  test(`rethrows a bug of portreeve: ${bug.name}`, async () => {
    const unknown: string[] = [];
    const isSame = (thrown: unknown) => thrown === bug;
    const failing = () => {
      throw bug;
    };
    await assert.rejects(orUnknown('the guard', failing, unknown), isSame);
    await assert.rejects(
      orUnknown('the guard', () => Promise.reject(bug), unknown),
      isSame,
    );
    assert.deepEqual(unknown, []);
  });
}
