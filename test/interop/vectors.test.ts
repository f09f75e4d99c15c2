// Tests that Debian's rpcbind still gives the recorded replies to the vectors.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bringPeers } from '../support/peers.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox, until } from '../support/sandbox.ts';
import { type Answer, atRecordedTime, vectorFiles } from '../support/vectors.ts';

const EXCHANGE = join(import.meta.dirname, '../support/exchange.ts');

for (const file of vectorFiles()) {
  test(`rpcbind gives the recorded replies to the vectors of ${file.name}.json`, async (t) => {
    if (!needs(t, probe.root(), probe.netns(), kernelIpv6())) return;
    const peers = await bringPeers();
    if (!needs(t, peers.probe())) return;
    const sandbox = await Sandbox.open(t, { peers });
    for (const [i, address] of file.addresses.entries()) await sandbox.addAddress(address, `net${i}`);
    const rpcbind = sandbox.start(['rpcbind', '-f']);
    // A call to check whether it is ready would count in its statistics.
    await until('the socket of rpcbind', () => existsSync(sandbox.path('/run/rpcbind.sock')));
    const input = JSON.stringify(file.vectors);
    const { code, stdout, stderr } = await sandbox.run([process.execPath, EXCHANGE], {
      input,
      env: { LD_LIBRARY_PATH: '' },
    });
    assert.equal(code, 0, stderr + rpcbind.output);
    const answers = JSON.parse(stdout) as Answer[];
    for (const [i, vector] of file.vectors.entries()) {
      const reply = atRecordedTime(vector, answers[i]?.reply ?? null);
      assert.deepEqual(
        [reply, answers[i]?.closed ?? false],
        [vector.reply, vector.closed ?? false],
        vector.name,
      );
    }
  });
}
