/** SECURITY.md names the account, the sockets and the path that the code has. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ALLOWED } from '../../src/bpf/seccomp.ts';
import { ROOT_STATUS_SOCKET, STATUS_SOCKET, USER_SOCKET } from '../../src/kit/daemon-names.ts';
import { SYSTEM_DIRECTORIES } from '../../src/kit/directories.ts';
import { STATUS_MODE } from '../../src/kit/status-server.ts';
import { RUN_PATH } from '../../src/lease/app/run.ts';
import { PORTMAP_ACCOUNT, PORTMAP_UID } from '../../src/portmap/daemon/account.ts';
import { ROOT } from '../support/files.ts';

const PAGE = readFileSync(new URL('SECURITY.md', ROOT), 'utf8').replace(/\s+/g, ' ');
const mode = (bits: number): string => `0${bits.toString(8)}`;

test('the privilege model names what the code has', () => {
  for (const text of [
    `the user \`${PORTMAP_ACCOUNT}\`, or as uid ${PORTMAP_UID}`,
    `Unix sockets in \`${SYSTEM_DIRECTORIES.runtime}\``,
    `\`${STATUS_SOCKET}\` (mode ${mode(STATUS_MODE.all)}, GET only)`,
    `\`${ROOT_STATUS_SOCKET}\` (mode ${mode(STATUS_MODE.root)},`,
    `\`${USER_SOCKET}\` (mode 0666, POST ${RUN_PATH} only,`,
  ])
    assert.ok(PAGE.includes(text), text);
});

test('the process that answers the network can do none of what the page denies it', () => {
  assert.match(
    PAGE,
    /can open no file, create no socket, connect to nothing, and start no thread or process/,
  );
  const denied =
    'open openat openat2 creat socket socketpair connect bind listen clone clone3 fork vfork execve';
  for (const call of denied.split(' ')) assert.ok(!Object.hasOwn(ALLOWED, call), call);
});
