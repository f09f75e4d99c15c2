// Tests the RpcError code of each errno.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RpcErrorCode, socketError } from './errors.ts';

const MEANINGS: Readonly<Record<string, RpcErrorCode>> = {
  ECONNREFUSED: 'REFUSED',
  ENOENT: 'REFUSED',
  ECONNRESET: 'DISCONNECTED',
  EPIPE: 'DISCONNECTED',
  EHOSTUNREACH: 'UNREACHABLE',
  ENETUNREACH: 'UNREACHABLE',
  EACCES: 'UNREACHABLE',
  ENOTFOUND: 'UNREACHABLE',
};

for (const [errno, code] of Object.entries(MEANINGS)) {
  test(`${errno} is ${code}, with its cause and the address`, () => {
    const cause = Object.assign(new Error(errno), { code: errno });
    const error = socketError(cause, '192.0.2.7:111/tcp');
    assert.equal(error.code, code);
    assert.equal(error.cause, cause);
    assert.match(error.message, /192\.0\.2\.7:111\/tcp/);
  });
}
