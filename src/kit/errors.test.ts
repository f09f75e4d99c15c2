// Every kind of trouble has its words and its exit code.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../base/errors.ts';
import { RpcError, type RpcErrorCode } from '../portmap/client/errors.ts';
import { endingOf } from './errors.ts';

test("portreeve's own errors end with the code of their kind, and say what to do next", () => {
  const ending = (kind: 'usage' | 'refused' | 'world') =>
    endingOf(new PortreeveError(kind, 'X', 'what', 'next'));
  assert.deepEqual(ending('refused'), { text: 'portreeve: what\nnext\n', code: 1 });
  assert.deepEqual(ending('usage'), { text: 'portreeve: what\nnext\n', code: 2 });
  assert.deepEqual(ending('world'), { text: 'portreeve: what\nnext\n', code: 3 });
  assert.deepEqual(endingOf(new PortreeveError('world', 'X', 'what')), {
    text: 'portreeve: what\n',
    code: 3,
  });
});

test('a call that was answered with no ends with 1, one that was not answered with 3', () => {
  const code = (rpc: RpcErrorCode) => endingOf(new RpcError(rpc, 'what')).code;
  for (const rpc of ['PROG_UNAVAIL', 'PROG_MISMATCH', 'PROC_UNAVAIL', 'AUTH_ERROR'] as const) {
    assert.equal(code(rpc), 1, rpc);
  }
  for (const rpc of ['TIMEOUT', 'REFUSED', 'UNREACHABLE', 'DISCONNECTED', 'BAD_REPLY'] as const) {
    assert.equal(code(rpc), 3, rpc);
  }
});

test('bugs show where they are', () => {
  for (const bug of [new TypeError('oops'), new PortreeveError('bug', 'X', 'oops')]) {
    const { text, code } = endingOf(bug);
    assert.equal(code, 3);
    assert.match(text, /^portreeve: .*oops\n +at .*errors\.test\.ts/);
  }
  assert.equal(endingOf('thrown text').code, 3);
});
