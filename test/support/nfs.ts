/** Starts the daemons of nfs-utils in a sandbox, each on a fixed port. */

import assert from 'node:assert/strict';
import { registered } from './portmap.ts';
import type { Running, Sandbox } from './sandbox.ts';

/** rpc.mountd on port 20048 (78.80), which exports /srv to 127.0.0.1; `count` is the number of its registrations. */
export async function startMountd(sandbox: Sandbox, count = 12): Promise<Running> {
  await sandbox.write(
    '/var/lib/nfs/etab',
    '/srv\t127.0.0.1(ro,sync,no_subtree_check,anonuid=65534,anongid=65534)\n',
  );
  await sandbox.write('/var/lib/nfs/rmtab', '');
  const mountd = sandbox.start(['rpc.mountd', '-F', '-p', '20048']);
  await registered(sandbox, 100005, count);
  return mountd;
}

/** rpc.statd on port 32765 (127.253). */
export async function startStatd(sandbox: Sandbox, count = 4): Promise<Running> {
  // It switches to the owner of its directory before it registers.
  const made = await sandbox.run([
    'sh',
    '-c',
    'cd /var/lib/nfs && mkdir sm sm.bak && >state && chown -R statd .',
  ]);
  assert.equal(made.code, 0, made.stderr);
  const statd = sandbox.start(['rpc.statd', '-F', '--no-notify', '-p', '32765']);
  await registered(sandbox, 100024, count);
  return statd;
}
