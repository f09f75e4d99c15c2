// Tests of whether capabilities apply to the network namespace, also in user namespaces.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';

const PROGRAM = `
import { ownsNetwork } from '${join(import.meta.dirname, 'network-owner.ts')}';
console.log(ownsNetwork());`;

/** The output of a process started with a command. */
function reportedBy(...wrapper: readonly string[]): string {
  const [command = '', ...args] = [...wrapper, process.execPath, '--input-type=module', '--eval', PROGRAM];
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

test('capabilities apply to our own network namespace and not to that of the parent user namespace', (t) => {
  if (!needs(t, probe.root(), probe.command('unshare'))) return;
  assert.equal(reportedBy('env'), 'true');
  assert.equal(reportedBy('unshare', '--net'), 'true');
  assert.equal(reportedBy('unshare', '--user', '--map-root-user'), 'false');
  assert.equal(reportedBy('unshare', '--user', '--map-root-user', '--net'), 'true');
});
