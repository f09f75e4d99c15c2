// Tests that the portmap process never runs under a uid of another account.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORTMAP_UID, portmapIdentity } from './account.ts';

const OTHERS = 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n';
const OWN = 'portreeve-portmap:x:777:778::/:/bin/false\n';

test('the dedicated account is used, else an unused uid', () => {
  assert.deepEqual(portmapIdentity(OTHERS), { uid: PORTMAP_UID, gid: PORTMAP_UID });
  assert.deepEqual(portmapIdentity(OTHERS + OWN), { uid: 777, gid: 778 });
  assert.deepEqual(portmapIdentity(OTHERS + OWN, 777), { uid: 777, gid: 778 });
  assert.deepEqual(portmapIdentity(OTHERS + OWN, 4711), { uid: 4711, gid: 4711 });
});

test('root is refused', () => {
  assert.throws(() => portmapIdentity(OTHERS, 0), { code: 'UID_ROOT', kind: 'usage' });
  assert.throws(() => portmapIdentity('', 0), { code: 'UID_ROOT' });
  assert.throws(() => portmapIdentity(OWN.replace('777', '0')), { code: 'UID_ROOT' });
});

test('a uid of another account is refused', () => {
  assert.throws(() => portmapIdentity(OTHERS, 1000), {
    code: 'UID_SHARED',
    message: /belongs to the account alice$/,
  });
  const taken = `x:x:${PORTMAP_UID}:1::/:/bin/sh\n`;
  assert.throws(() => portmapIdentity(OTHERS + taken), {
    code: 'UID_SHARED',
    message: /belongs to the account x$/,
  });
});
