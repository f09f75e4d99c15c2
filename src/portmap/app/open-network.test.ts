/** Tests that portmap does not listen beyond loopback while hosts_access(5) has rules for it. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ip } from '../../../test/support/service.ts';
import { simHost } from '../../../test/support/sim/host.ts';
import { PortreeveError } from '../../base/errors.ts';
import { requireNoAccessRules } from './open-network.ts';

const ALLOW = '/etc/hosts.allow';
const DENY = '/etc/hosts.deny';

function check(addresses: readonly string[], files: Readonly<Record<string, string>>): void {
  requireNoAccessRules(addresses.map(ip), simHost({ files }).files);
}

describe('beyond loopback', () => {
  test('a rule for the port mapper is an error that shows the rule and its file', () => {
    for (const path of [ALLOW, DENY]) {
      assert.throws(
        () => check(['127.0.0.1', '192.0.2.1'], { [path]: '# rules\nrpcbind: 10.0.0.0/8\n' }),
        (thrown) =>
          thrown instanceof PortreeveError &&
          thrown.kind === 'environment' &&
          thrown.code === 'ACCESS_RULES_IGNORED' &&
          thrown.message.includes('192.0.2.1') &&
          thrown.message.includes('"rpcbind: 10.0.0.0/8"') &&
          thrown.data['path'] === path,
      );
    }
  });

  test('a rule for all daemons, and one for portmap, are errors', () => {
    for (const rule of ['ALL: ALL', 'portmap: LOCAL']) {
      assert.throws(() => check(['0.0.0.0'], { [DENY]: rule }), PortreeveError, rule);
      assert.throws(() => check(['fd00:9::1'], { [ALLOW]: rule }), PortreeveError, rule);
    }
  });

  test('rules for others, and no rules, are permitted', () => {
    check(['192.0.2.1'], { [ALLOW]: 'sshd: ALL\n', [DENY]: '# ALL: ALL\n' });
    check(['192.0.2.1', '::'], {});
  });

  test('rules that cannot be read are an error', () => {
    const { files } = simHost();
    files.forbid(DENY);
    assert.throws(
      () => requireNoAccessRules([ip('192.0.2.1')], files),
      (thrown) => thrown instanceof PortreeveError && thrown.code === 'FILE_UNREADABLE',
    );
    requireNoAccessRules([ip('127.0.0.1')], files);
  });
});

test('on loopback, rules are ignored', () => {
  check(['127.0.0.1', '127.0.0.2', '::1'], { [ALLOW]: 'rpcbind: 10.', [DENY]: 'ALL: ALL' });
  check([], { [DENY]: 'ALL: ALL' });
});
