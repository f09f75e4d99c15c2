// As whom the process that answers the network runs: nobody that somebody else is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORTMAP_UID, portmapIdentity } from './account.ts';

const OTHERS = 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n';
const OWN = 'portreeve-portmap:x:777:778::/:/bin/false\n';

test('the account of its own, or a uid that nobody has', () => {
  assert.deepEqual(portmapIdentity(OTHERS), { uid: PORTMAP_UID, gid: PORTMAP_UID });
  assert.deepEqual(portmapIdentity(OTHERS + OWN), { uid: 777, gid: 778 });
  assert.deepEqual(portmapIdentity(OTHERS + OWN, 777), { uid: 777, gid: 778 });
  assert.deepEqual(portmapIdentity(OTHERS + OWN, 4711), { uid: 4711, gid: 4711 });
});

test('never root', () => {
  assert.throws(() => portmapIdentity(OTHERS, 0), { code: 'UID_ROOT', kind: 'usage' });
  assert.throws(() => portmapIdentity('', 0), { code: 'UID_ROOT' });
  assert.throws(() => portmapIdentity(OWN.replace('777', '0')), { code: 'UID_ROOT' });
});

test('never another user', () => {
  assert.throws(() => portmapIdentity(OTHERS, 1000), { code: 'UID_SHARED', message: /is alice's$/ });
  const taken = `x:x:${PORTMAP_UID}:1::/:/bin/sh\n`;
  assert.throws(() => portmapIdentity(OTHERS + taken), { code: 'UID_SHARED', message: /is x's$/ });
});
