// Tests of finding the rules for a daemon in hosts_access(5).

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
  for (const rule of naming)
    test(`"${rule}" applies to the daemon`, () => assert.equal(find(`${rule}\n`), rule));

  const others = [
    '',
    '# rpcbind: ALL',
    'sshd: ALL',
    'sshd: rpcbind',
    'rpcbindd: ALL',
    'my-rpcbind: ALL',
    'sshd@rpcbind: ALL',
  ];
  for (const rule of others)
    test(`"${rule}" does not apply to the daemon`, () => assert.equal(find(`${rule}\n`), undefined));
});

describe('a file', () => {
  test('has its first matching rule found', () => {
    assert.equal(find('# a comment\n\n  sshd: ALL\n  rpcbind: 10.\nrpcbind: ALL\n'), 'rpcbind: 10.');
  });

  // hosts_access(5): a newline is ignored when it is preceded by a backslash.
  test('continues a line after a backslash', () => {
    assert.equal(find('sshd, \\\n rpcbind: ALL'), 'sshd,   rpcbind: ALL');
    assert.equal(find('sshd: \\\n rpcbind'), undefined);
    assert.equal(find('sshd: ALL\\\r\nrpcbind: ALL'), undefined);
  });

  test('may have DOS line ends', () => assert.equal(find('sshd: ALL\r\nrpcbind: ALL\r\n'), 'rpcbind: ALL'));
});
