// Error messages and exit codes for each kind of error.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PortreeveError } from '../base/errors.ts';
import { RpcError, type RpcErrorCode } from '../portmap/client/errors.ts';
import { endingOf, requestsJson } from './errors.ts';

test('a PortreeveError prints its code and hint, and exits with the code of its kind', () => {
  const cases = [
    ['GUARD_ABSENT', 1],
    ['PORT_INVALID', 2],
    ['DAEMON_ABSENT', 3],
  ] as const;
  for (const [code, exit] of cases) {
    const text = `portreeve: error[${code}]: what\nnext\n`;
    assert.deepEqual(endingOf(new PortreeveError(code, 'what', 'next')), { text, code: exit });
  }
  const { text } = endingOf(new PortreeveError('DAEMON_ABSENT', 'what'));
  assert.equal(text, 'portreeve: error[DAEMON_ABSENT]: what\n');
});

test('with --json, errors and bugs are printed as a line of JSON', () => {
  const { text, code } = endingOf(new PortreeveError('PORT_INVALID', 'what', 'next', { value: 'x' }), true);
  assert.equal(code, 2);
  const data = { value: 'x' };
  assert.deepEqual(JSON.parse(text), {
    error: 'what',
    code: 'PORT_INVALID',
    kind: 'usage',
    hint: 'next',
    data,
  });
  assert.ok(text.endsWith('}\n'));
  const bug = JSON.parse(endingOf(new TypeError('oops'), true).text);
  assert.deepEqual([bug.error, bug.code, bug.kind], ['oops', 'BUG', 'bug']);
});

test('recognizes --json before "--" only', () => {
  assert.equal(requestsJson(['who', '80', '--json']), true);
  assert.equal(requestsJson(['run', '--job', 'WEB', '--', 'curl', '--json']), false);
});

test('a call that was answered with an error exits with 1, one that was not answered with 3', () => {
  const code = (rpc: RpcErrorCode) => endingOf(new RpcError(rpc, 'what')).code;
  for (const rpc of ['PROG_UNAVAIL', 'PROG_MISMATCH', 'PROC_UNAVAIL', 'AUTH_ERROR'] as const) {
    assert.equal(code(rpc), 1, rpc);
  }
  for (const rpc of ['TIMEOUT', 'REFUSED', 'UNREACHABLE', 'DISCONNECTED', 'BAD_REPLY'] as const) {
    assert.equal(code(rpc), 3, rpc);
  }
});

test('prints the stack of a bug', () => {
  for (const bug of [new TypeError('oops'), new PortreeveError('BUG', 'oops')]) {
    const { text, code } = endingOf(bug);
    assert.equal(code, 3);
    assert.match(text, /^portreeve: error\[BUG\]: .*oops\n +at .*errors\.test\.ts/);
  }
  assert.equal(endingOf('thrown text').code, 3);
});
