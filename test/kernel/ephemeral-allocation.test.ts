/** The kernel assigns ephemeral ports in the order that the doctor states, and never a reserved one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Protocol } from '../../src/base/port.ts';
import { ephemeralAllocation } from '../../src/doctor/core/explain/ephemeral-allocation.ts';
import { needs, probe } from '../support/probe.ts';
import { Sandbox } from '../support/sandbox.ts';

/** Takes every ephemeral port, with connect and with bind, and prints the ports in the order of assignment. */
const TAKE_ALL = `
import json, socket, sys
first, last, reserved = sys.argv[1:]
def setting(name, value):
    with open('/proc/sys/net/ipv4/' + name, 'w') as file:
        file.write(value)
setting('ip_local_port_range', first + ' ' + last)
setting('ip_local_reserved_ports', reserved)
server = socket.socket()
server.bind(('127.0.0.1', 7000))
server.listen(100)
def take(kind, call):
    got = []
    try:
        while True:
            one = socket.socket(socket.AF_INET, kind)
            call(one)
            got.append(one)
    except OSError:
        ports = [one.getsockname()[1] for one in got]
    for one in got:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
        one.close()
    return ports
print(json.dumps({
    'connect': take(socket.SOCK_STREAM, lambda one: one.connect(('127.0.0.1', 7000))),
    'bind': take(socket.SOCK_STREAM, lambda one: one.bind(('127.0.0.1', 0))),
    'udp': take(socket.SOCK_DGRAM, lambda one: one.bind(('127.0.0.1', 0))),
}))`;

interface Taken {
  readonly connect: readonly number[];
  readonly bind: readonly number[];
  readonly udp: readonly number[];
}

for (const first of [40_000, 40_001]) {
  const range = { first, last: first + 31 };

  test(`the kernel assigns ${range.first}-${range.last} in the stated order`, async (t) => {
    if (!needs(t, probe.root(), probe.netns(), probe.command('ip'), probe.command('python3'))) return;
    const sandbox = await Sandbox.open(t);
    const reserved = [{ first: first + 10, last: first + 13 }];
    const kernel = { ephemeral: range, reserved, unprivilegedStart: 1024 };
    const words = [`${range.first}`, `${range.last}`, `${first + 10}-${first + 13}`];
    const { stdout, stderr } = await sandbox.run(['python3', '-c', TAKE_ALL, ...words]);
    assert.equal(stderr, '');
    const taken: Taken = JSON.parse(stdout);
    const all = Array.from({ length: 32 }, (_, at) => first + at);
    const assignable = (protocol: Protocol, call?: string) =>
      all.filter((port) => {
        const { kind, preferredBy } = ephemeralAllocation(port, protocol, kernel);
        return kind === 'assignable' && (call === undefined || preferredBy === call);
      });
    const sorted = (ports: readonly number[]) => ports.toSorted((a, b) => a - b);
    // Each call uses its own half of the range first, then the other half.
    assert.deepEqual(sorted(taken.connect.slice(0, 14)), assignable('tcp', 'connect'));
    assert.deepEqual(sorted(taken.connect.slice(14)), assignable('tcp', 'bind'));
    assert.deepEqual(sorted(taken.bind.slice(0, 14)), assignable('tcp', 'bind'));
    assert.deepEqual(sorted(taken.bind.slice(14)), assignable('tcp', 'connect'));
    assert.deepEqual(sorted(taken.udp), assignable('udp'));
    // Random order: only one run in 20 million would have all ports of one parity first.
    assert.ok(new Set(taken.udp.slice(0, 14).map((port) => port % 2)).size === 2);
  });
}
