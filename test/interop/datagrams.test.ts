// Tests of datagrams at the size limit, and of addresses with different scopes.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { REQUEST_MAX_BYTES } from '../../src/base/limits.ts';
import { PMAPPROC, PORTMAP_PROGRAM } from '../../src/portmap/wire/portmap.ts';
import { writeCall } from '../../src/portmap/wire/rpc.ts';
import { encodeXdr } from '../../src/portmap/wire/xdr.ts';
import { NO_PEERS, serve } from '../support/daemon.ts';
import { ONLY_PORTREEVE } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox } from '../support/sandbox.ts';
import type { Answer, Vector } from '../support/vectors.ts';

const EXCHANGE = join(import.meta.dirname, '../support/exchange.ts');

/** A NULL call in hexadecimal, padded with zeros. */
function ping(bytes?: number): string {
  const call = encodeXdr((writer) => {
    writeCall(writer, {
      xid: 1,
      program: PORTMAP_PROGRAM,
      version: 2,
      procedure: PMAPPROC.NULL,
    });
  });
  return Buffer.from(call)
    .toString('hex')
    .padEnd(2 * (bytes ?? 0), '0');
}

/** Whether each request receives a reply. `prefix` is the command prefix of the client. */
async function answered(
  sandbox: Sandbox,
  requests: readonly Partial<Vector>[],
  prefix: readonly string[] = [],
): Promise<boolean[]> {
  const options = { input: JSON.stringify(requests), env: NO_PEERS };
  const { code, stdout, stderr } = await sandbox.run([...prefix, process.execPath, EXCHANGE], options);
  assert.equal(code, 0, stderr);
  const answers: Answer[] = JSON.parse(stdout);
  return answers.map(({ reply }) => reply !== null);
}

test('a truncated datagram is not answered, and one of maximum size is', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), kernelIpv6(), ONLY_PORTREEVE)) return;
  const sandbox = await Sandbox.open(t);
  await serve(sandbox);
  for (const transport of ['udp', 'udp6'] as const) {
    const requests = [REQUEST_MAX_BYTES, REQUEST_MAX_BYTES + 1].map((bytes) => ({
      transport,
      request: ping(bytes),
    }));
    assert.deepEqual(await answered(sandbox, requests), [true, false], transport);
  }
});

/** A second network namespace, connected by a veth pair. */
const CABLE = `set -e
ip netns add far
ip link add near type veth peer name near netns far
for at in '' '-n far'; do
  ip $at link set near addrgenmode none
  ip $at link set near up
done
ip address add fe80::1/64 dev near nodad
ip address add 2001:db8::1/64 dev near nodad
ip -n far address add fe80::2/64 dev near nodad
ip -n far address add 2001:db8::2/64 dev near nodad`;

test("a request to a link-local address is answered from it, whatever the scope of the client's address", async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), kernelIpv6(), ONLY_PORTREEVE)) return;
  const sandbox = await Sandbox.open(t);
  assert.deepEqual(await sandbox.run(['sh', '-c', CABLE]), { code: 0, stdout: '', stderr: '' });
  await serve(sandbox, ['--listen', '::']);
  const requests = ['fe80::2%near', '2001:db8::2'].map((from) => {
    return { transport: 'udp6', from, to: 'fe80::1%near', request: ping() } as const;
  });
  for (const request of requests) {
    assert.deepEqual(
      await answered(sandbox, [request], ['ip', 'netns', 'exec', 'far']),
      [true],
      request.from,
    );
  }
});
