/** hosts_access(5): which rules speak of a daemon. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ruleNaming } from './hosts-access.ts';

const find = (text: string): string | undefined => ruleNaming(text, ['rpcbind', 'portmap']);

describe('a rule', () => {
  // hosts_access(5): daemon_list : client_list [ : shell_command ]
  const naming = [
    'rpcbind: ALL',
    'rpcbind : 10.0.0.0/8 : deny',
    'sshd, rpcbind: ALL',
    'sshd rpcbind: LOCAL',
    'sshd,rpcbind:LOCAL',
    'portmap@192.0.2.1: ALL',
    'ALL: PARANOID',
    'All : 10.',
    'RPCBIND: ALL',
    'ALL EXCEPT sshd: ALL',
  ];
  for (const rule of naming) test(`"${rule}" speaks of it`, () => assert.equal(find(`${rule}\n`), rule));

  const others = [
    '',
    '# rpcbind: ALL',
    'sshd: ALL',
    'sshd: rpcbind',
    'rpcbindd: ALL',
    'my-rpcbind: ALL',
    'sshd@rpcbind: ALL',
  ];
  for (const rule of others) test(`"${rule}" does not`, () => assert.equal(find(`${rule}\n`), undefined));
});

describe('a file', () => {
  test('gives its first rule that does', () => {
    assert.equal(find('# a comment\n\n  sshd: ALL\n  rpcbind: 10.\nrpcbind: ALL\n'), 'rpcbind: 10.');
  });

  // hosts_access(5): a newline is ignored when it is preceded by a backslash.
  test('goes on behind a backslash', () => {
    assert.equal(find('sshd, \\\n rpcbind: ALL'), 'sshd,   rpcbind: ALL');
    assert.equal(find('sshd: \\\n rpcbind'), undefined);
    assert.equal(find('sshd: ALL\\\r\nrpcbind: ALL'), undefined);
  });

  test('may end its lines as DOS does', () =>
    assert.equal(find('sshd: ALL\r\nrpcbind: ALL\r\n'), 'rpcbind: ALL'));
});
