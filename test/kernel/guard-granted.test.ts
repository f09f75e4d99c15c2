/** The UDP ports that the guard grants are recorded before the kernel grants them. */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { GrantedPortsFile } from '../../src/host/linux/granted-ports.ts';
import { type Workspace, workspace } from '../support/guard-workspace.ts';

/** The file of the record of a workspace. */
const recordOf = ({ state, place }: Workspace): string => new GrantedPortsFile(state, place.pins).path;

/** The recorded UDP ports. */
function recorded(at: Workspace): number[] {
  return [...readFileSync(recordOf(at)).entries()].filter(([, byte]) => byte !== 0).map(([port]) => port);
}

/** A workspace with a profile in force; undefined where the test is skipped. */
function enforcing(...args: Parameters<typeof workspace>): Workspace | undefined {
  const at = workspace(...args);
  at?.write('first', 'PORT 700 UDP NOBODY\nPORT 701 TCP NOBODY\nPORT 702 UDP RESERVED\n');
  at?.write('second', 'PORT 703 UDP NOBODY\n');
  for (const line of ['apply @first', 'guard enforce']) {
    if (at) assert.equal(at.run(line).code, 0);
  }
  return at;
}

test('each profile adds its ports, and those before it are kept, also on trial and after the guard is removed', (t) => {
  const at = enforcing(t);
  if (!at) return;
  assert.deepEqual(recorded(at), [700]);
  assert.equal(at.run('apply @second --try 1m').code, 0);
  assert.deepEqual(recorded(at), [700, 703]);
  at.write('third', 'UDPCONFIG RESTRICTLOWPORTS\n');
  assert.equal(at.run('confirm').code, 0);
  assert.equal(at.run('apply @third').code, 0);
  assert.equal(at.run('guard off').code, 0);
  assert.deepEqual(recorded(at), [700, 703]);
  at.write('fourth', 'UDPCONFIG UNRESTRICTLOWPORTS\n');
  assert.equal(at.run('apply @fourth').code, 0);
  assert.equal(at.run('guard observe').code, 0);
  assert.equal(recorded(at).length, 65_535);
});

test('what cannot be recorded is not put in force', (t) => {
  const at = enforcing(t);
  if (!at) return;
  const path = recordOf(at);
  rmSync(path);
  mkdirSync(path);
  const { code, stderr } = at.run('apply @second');
  assert.notEqual(code, 0);
  assert.match(stderr, /cannot write .*granted-udp-ports/);
  assert.match(at.run('guard').stdout, /revision +1\b|revision 1\b/);
  rmSync(path, { recursive: true });
  assert.equal(at.run('apply @second').code, 0);
  // The guard was there without a record: it may have granted anything.
  assert.equal(recorded(at).length, 65_536);
});
