// Tests of parsing passwd(5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePasswd } from './passwd.ts';

// passwd(5): name:password:UID:GID:GECOS:directory:shell
test('an account has a name, a uid and a gid', () => {
  const text = 'root:x:0:0:root:/root:/bin/sh\n_rpc:x:102:65534::/run/rpcbind:/usr/sbin/nologin\n';
  assert.deepEqual(parsePasswd(text), [
    { name: 'root', uid: 0, gid: 0 },
    { name: '_rpc', uid: 102, gid: 65534 },
  ]);
});

test('an invalid line is skipped', () => {
  const lines = [
    '',
    '# a comment',
    'a',
    'a:x',
    'a:x:1',
    'a:x::1:',
    'a:x:1::',
    ':x:1:1:',
    'a:x:-1:1',
    'a:x:0x1:1',
    '+::::::',
  ];
  assert.deepEqual(parsePasswd([...lines, 'b:x:1:1::/:/bin/sh'].join('\n')), [{ name: 'b', uid: 1, gid: 1 }]);
});

// credentials(7): -1, that is 2^32 - 1, is not a uid.
test('the largest uid is 2^32 - 2', () => {
  assert.equal(parsePasswd('a:x:4294967294:1::/:')[0]?.uid, 4294967294);
  assert.deepEqual(parsePasswd('a:x:4294967295:1::/:'), []);
});
