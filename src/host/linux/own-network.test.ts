// Tests of running programs in a new network namespace.
import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { PortreeveError } from '../../base/errors.ts';
import { enterOwnNetwork, runInOwnNetwork } from './own-network.ts';

const OWN_NETWORK = readlinkSync('/proc/self/ns/net');

test("the starter's network namespace is rejected", () => {
  for (const starter of [OWN_NETWORK, '', undefined]) {
    assert.throws(
      () => enterOwnNetwork(starter),
      (thrown) => thrown instanceof PortreeveError && thrown.code === 'NAMESPACE_FOREIGN',
    );
  }
});

async function run(script: string, maxMs = 10_000): Promise<readonly [code: number, output: string]> {
  let output = '';
  const onOutput = (text: string) => {
    output += text;
  };
  const argv = ['sh', '-c', script, 'sh'];
  const code = await runInOwnNetwork({ argv, maxMs, onOutput, onError: onOutput });
  return [code, output];
}

test("a program has a new network namespace and receives its starter's", async (t) => {
  if (!needs(t, probe.root(), probe.netns())) return;
  const [code, output] = await run('readlink /proc/self/ns/net; echo "$1"; exit 7');
  const [own, starter] = output.split('\n');
  assert.deepEqual([code, starter], [7, OWN_NETWORK]);
  assert.notEqual(own, OWN_NETWORK);
});

test('a program killed by a signal or at the timeout has the corresponding exit status', async (t) => {
  if (!needs(t, probe.root(), probe.netns())) return;
  assert.deepEqual(await run('kill -TERM $$'), [143, '']);
  assert.deepEqual(await run('exec sleep 60', 200), [137, '']);
});
