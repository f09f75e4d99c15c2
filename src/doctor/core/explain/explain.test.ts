// Explaining one port: the answer for each kind of conflict, and the remedies.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Verdict } from '../../../profile/core/verdict.ts';
import type { ListedSocket } from '../../../sockets/core/socket-snapshot.ts';
import { type Explanation, explainPort, type PortFacts } from './explain.ts';
import type { Binder } from './permission.ts';

const ROOT: Binder = {
  uid: 0,
  user: 'root',
  gids: [0],
  job: 'ROOT',
  hasBindCapability: true,
  verdict: undefined,
};
const ALICE: Binder = {
  uid: 1000,
  user: 'alice',
  gids: [1000],
  job: 'ALICE',
  hasBindCapability: false,
  verdict: undefined,
};

function end(address: string, port: number) {
  return { address: parseIp(address) ?? assert.fail(address), port };
}

function seen(
  changes: Partial<OpenSocket> & { local?: OpenSocket['local'] },
  about: Partial<ListedSocket> = {},
): ListedSocket {
  const socket: OpenSocket = {
    protocol: 'tcp',
    state: 'LISTEN',
    local: end('0.0.0.0', 8080),
    remote: undefined,
    v6Only: false,
    interfaceIndex: 0,
    uid: 33,
    inode: 1,
    cgroupId: undefined,
    expiresMs: undefined,
    ...changes,
  };
  const unknown = { user: undefined, unit: undefined, container: undefined, forwardsTo: undefined };
  return { socket, owners: [], job: 'UNKNOWN', ...unknown, ...about };
}

const NGINX = { pid: 812, startTicks: 1, name: 'nginx', command: 'nginx', uid: 33, cgroup: undefined };

function explained(changes: Partial<PortFacts> & { sockets?: readonly ListedSocket[] }): Explanation {
  const { sockets = [], ...others } = changes;
  return explainPort({
    port: 8080,
    protocol: 'tcp',
    seen: { sockets, hiddenProcesses: 0 },
    kernel: { ephemeral: { first: 32_768, last: 60_999 }, reserved: [], unprivilegedStart: 1024 },
    you: ALICE,
    root: ROOT,
    guard: 'off',
    revision: undefined,
    reservations: [],
    names: { services: [], iana: { range: 'user', status: 'unassigned', entries: [] }, registered: [] },
    refusals: [],
    unknown: [],
    ...others,
  });
}

function answer(changes: Parameters<typeof explained>[0]): string {
  const { available, cause, why } = explained(changes).answer;
  return `${available} ${cause}: ${why}`;
}

describe('a port that is not in use', () => {
  test('is free', () => assert.equal(answer({}), 'yes FREE: free'));

  test('is exposed while it is in the ephemeral range and not reserved', () => {
    const port = 40_030;
    assert.match(answer({ port }), /^yes EXPOSED: /);
    const kernel = explained({}).kernel;
    const reserved = [{ first: 40_000, last: 40_100 }];
    assert.match(answer({ port, kernel: { ...kernel, reserved } }), /^yes FREE: /);
  });

  test('requires a capability if it is low, which root has', () => {
    const why = 'ports below 1024 require CAP_NET_BIND_SERVICE, which you do not have here; root can bind it';
    assert.equal(answer({ port: 80 }), `no PRIVILEGED: ${why}`);
    assert.match(answer({ port: 80, you: { ...ALICE, hasBindCapability: true } }), /^yes /);
    assert.match(answer({ port: 80, you: ROOT }), /^yes /);
    const kernel = { ...explained({}).kernel, unprivilegedStart: 80 };
    assert.match(answer({ port: 80, kernel }), /^yes /);
    assert.match(answer({ port: 79, kernel }), /^no PRIVILEGED: ports below 80 /);
  });
});

describe('a port that a profile reserves', () => {
  const rule = { file: 'profile.tcpip', line: 3, text: '8080 TCP WEB' };
  const denied: Verdict = { allowed: false, reason: 'RESERVED_FOR_OTHERS', errno: 'EACCES', rule };
  const you = { ...ALICE, verdict: denied };

  test('is refused while the guard enforces the profile', () => {
    const why =
      'reserved for another job by profile.tcpip:3, and your job is ALICE; the guard enforces the profile';
    assert.equal(answer({ you, guard: 'enforce' }), `no REFUSED: ${why}; root can bind it`);
  });

  test('is available where the profile is not enforced', () => {
    for (const guard of ['observe', 'off', 'elsewhere', undefined] as const) {
      assert.match(answer({ you, guard }), /^yes /);
    }
  });

  test('is available to its job without a capability', () => {
    const verdict: Verdict = {
      allowed: true,
      reason: 'RESERVED_FOR_JOB',
      rule,
      address: undefined,
      isShared: false,
      acks: undefined,
      smc: undefined,
      lowPortGranted: true,
      assignedFrom: undefined,
    };
    const owner = { ...ALICE, verdict };
    assert.match(answer({ port: 80, you: owner, guard: 'enforce' }), /^yes /);
    assert.match(answer({ port: 80, you: owner, guard: 'off' }), /^no PRIVILEGED/);
  });

  test('requires privilege where the profile leaves it to Linux', () => {
    const verdict: Verdict = { ...denied, reason: 'LOW_PORT_OF_LINUX', rule: undefined };
    assert.match(answer({ port: 80, you: { ...ALICE, verdict }, guard: 'enforce' }), /^no PRIVILEGED/);
  });
});

describe('a port in use', () => {
  test('is reported with the listener and remedies', () => {
    const sockets = [seen({}, { owners: [NGINX], unit: 'nginx.service' })];
    const { answer: found } = explained({ sockets });
    assert.deepEqual(found, {
      available: 'no',
      likely: 'no',
      cause: 'LISTENING',
      why: 'in use by nginx (pid 812, nginx.service)',
      remedies: [
        { text: 'Stop it', command: 'systemctl stop nginx.service' },
        { text: 'Or use another port', command: 'portreeve suggest --near 8080' },
        { text: 'It is free on IPv6 only' },
      ],
      freeInMs: undefined,
    });
  });

  test('has a command that stops the holder and no other program', () => {
    const advised = (about: Partial<ListedSocket>) => {
      const [first] = explained({ sockets: [seen({}, about)] }).answer.remedies;
      return first?.command ?? first?.text;
    };
    const id = '0123456789ab';
    for (const unit of [undefined, 'session-3.scope', 'user@1000.service', 'a$(b).service']) {
      assert.equal(advised({ owners: [NGINX], unit }), 'kill 812');
    }
    const systemd = { ...NGINX, pid: 1, name: 'systemd' };
    assert.equal(advised({ owners: [systemd], unit: 'init.scope' }), 'systemctl list-sockets');
    assert.equal(advised({ owners: [{ ...NGINX, pid: 1 }] }), 'Stop it');
    assert.equal(advised({ container: { runtime: 'podman', id } }), `podman stop ${id}`);
    assert.equal(advised({ container: { runtime: 'containerd', id } }), 'Stop the container');
    assert.equal(advised({}), 'Stop it');
  });

  test('is free on other addresses if it is bound on one', () => {
    const sockets = [seen({ local: end('127.0.0.1', 8080) }, { user: 'www' })];
    const { answer: found, attempts } = explained({ sockets });
    assert.equal(found.why, 'in use by a program of user www at 127.0.0.1:8080');
    assert.deepEqual(found.remedies.at(-1), { text: 'It is free on other addresses' });
    const free = attempts.filter(({ plain }) => plain.answer === 'free').map(({ place }) => place.text);
    assert.deepEqual(free, [':: with IPV6_V6ONLY', '::1', 'another IPv4 address', 'another IPv6 address']);
  });

  test('may be bound by a socket that does not listen', () => {
    const sockets = [seen({ state: 'BOUND' }, { owners: [NGINX] })];
    assert.equal(answer({ sockets }), 'unknown BOUND: in use by nginx (pid 812), bound but not listening');
  });

  test('may be held by a client', () => {
    const sockets = [
      seen(
        { state: 'ESTABLISHED', local: end('192.0.2.1', 40_030), remote: end('192.0.2.9', 443) },
        { owners: [NGINX, { ...NGINX, pid: 813 }] },
      ),
    ];
    const { answer: found } = explained({ port: 40_030, sockets });
    assert.equal(found.available, 'unknown');
    assert.equal(found.why, 'in use by nginx (pid 812 and 1 more), connected to 192.0.2.9:443');
    assert.equal(found.likely, 'no');
    const texts = found.remedies.map(({ text }) => text);
    assert.match(
      texts[0] ?? '',
      /^A server that sets SO_REUSEADDR can bind it now if that socket also set it, which /,
    );
    assert.match(texts[1] ?? '', /\(TIME_WAIT\)$/);
    assert.equal(texts[3], 'Then reserve it by PORT 40030 TCP JOB in a profile, or until the next boot');
    assert.deepEqual(
      found.remedies.flatMap(({ command }) => command ?? []),
      ['ss -tK sport = :40030', 'sysctl -w net.ipv4.ip_local_reserved_ports=40030'],
    );
  });

  test('is probably available if only connections of a server hold it, and the user has permission', () => {
    const connection = seen(
      { state: 'ESTABLISHED', local: end('192.0.2.1', 80), remote: end('192.0.2.9', 50_000) },
      { owners: [NGINX] },
    );
    const { answer: found } = explained({ port: 80, you: ROOT, sockets: [connection] });
    assert.deepEqual([found.available, found.likely, found.cause], ['unknown', 'yes', 'CONNECTED']);
    assert.match(found.remedies[0]?.text ?? '', /, as sockets of servers usually do$/);
    assert.match(answer({ port: 80, sockets: [connection] }), /^no PRIVILEGED/);
    const bound = seen({ state: 'BOUND' });
    assert.equal(explained({ sockets: [bound] }).answer.likely, 'no');
  });

  test('may be held by a connection that is not accepted yet', () => {
    const queued = seen({
      state: 'ESTABLISHED',
      local: end('192.0.2.1', 8080),
      remote: end('192.0.2.9', 50_000),
      uid: undefined,
      inode: 0,
    });
    assert.equal(
      answer({ sockets: [queued] }),
      'unknown CONNECTED: in use by a connection from 192.0.2.9:50000 that is not accepted yet',
    );
  });

  test('is held by a UDP client until it ends', () => {
    const client = seen(
      {
        protocol: 'udp',
        state: 'ESTABLISHED',
        local: end('192.0.2.1', 40_030),
        remote: end('192.0.2.9', 53),
      },
      { owners: [NGINX] },
    );
    const { answer: found } = explained({ port: 40_030, protocol: 'udp', sockets: [client] });
    assert.deepEqual([found.available, found.cause], ['no', 'CONNECTED']);
    assert.doesNotMatch(JSON.stringify(found.remedies), /TIME_WAIT/);
  });

  test('is free when the last socket in TIME_WAIT expires', () => {
    const waiting = (expiresMs: number) =>
      seen({
        state: 'TIME_WAIT',
        local: end('127.0.0.1', 8080),
        remote: end('127.0.0.1', 9000),
        uid: undefined,
        inode: 0,
        expiresMs,
      });
    const { answer: found } = explained({ sockets: [waiting(12_001), waiting(43_500)] });
    assert.equal(found.cause, 'WAITING');
    assert.equal(found.freeInMs, 43_500);
    assert.match(
      found.why,
      /^in use by a closed connection to 127\.0\.0\.1:9000 for 44 s more \(TIME_WAIT\)/,
    );
    assert.match(found.why, /; 1 more socket holds it$/);
    assert.equal(found.remedies.at(-1)?.command, 'ss -tK state time-wait sport = :8080');
  });

  test('is explained fast even with 200,000 connections', () => {
    const waiting = seen({
      state: 'TIME_WAIT',
      local: end('127.0.0.1', 8080),
      remote: end('127.0.0.1', 9000),
      uid: undefined,
      inode: 0,
      expiresMs: 1000,
    });
    const { answer: found } = explained({ sockets: Array.from({ length: 200_000 }, () => waiting) });
    assert.deepEqual([found.available, found.likely, found.freeInMs], ['unknown', 'yes', 1000]);
    assert.match(found.why, /; 199999 more sockets hold it$/);
  });

  test('is reported with the listener rather than its connections', () => {
    const connection = seen({ state: 'ESTABLISHED', remote: end('127.0.0.1', 9000) });
    const sockets = [connection, connection, seen({}, { owners: [NGINX] })];
    assert.match(answer({ sockets }), /^no LISTENING: in use by nginx \(pid 812\)$/);
  });

  test('is not available for UDP without options', () => {
    const sockets = [
      seen({ protocol: 'udp', state: 'UNCONNECTED', local: end('0.0.0.0', 53) }, { owners: [NGINX] }),
    ];
    assert.equal(
      answer({ port: 53, protocol: 'udp', you: ROOT, sockets }),
      'no LISTENING: in use by nginx (pid 812)',
    );
  });

  test("names the container of Docker's proxy", () => {
    const sockets = [
      seen({}, { owners: [{ ...NGINX, name: 'docker-proxy' }], forwardsTo: end('172.17.0.2', 80) }),
    ];
    assert.match(
      answer({ sockets }),
      /: in use by a container at 172\.17\.0\.2:80 \(docker-proxy, pid 812\)$/,
    );
  });
});

test('the command adds the port to the reserved ports, unless their list is long', () => {
  const firstRemedy = (reserved: PortFacts['kernel']['reserved']) => {
    const kernel = { ...explained({}).kernel, reserved };
    return explained({ port: 40_030, kernel }).answer.remedies[0];
  };
  const list = 'net.ipv4.ip_local_reserved_ports';
  assert.equal(firstRemedy([])?.command, `sysctl -w ${list}=40030`);
  assert.equal(
    firstRemedy([
      { first: 8080, last: 8080 },
      { first: 40_000, last: 40_029 },
    ])?.command,
    `sysctl -w ${list}=8080,40000-40030`,
  );
  const many = Array.from({ length: 12 }, (_, at) => ({ first: 33_000 + 2 * at, last: 33_000 + 2 * at }));
  const { text, command } = firstRemedy(many) ?? assert.fail();
  assert.equal(command, undefined);
  assert.match(text, /, or add it to net\.ipv4\.ip_local_reserved_ports$/);
});

test('a conflict takes precedence over a lack of permission', () => {
  assert.match(answer({ port: 80, sockets: [seen({ local: end('0.0.0.0', 80) })] }), /^no LISTENING/);
});

test('systems, default ranges and blocked ports are those of the protocol', () => {
  const { systems, defaultRanges, badPort } = explained({ port: 6000, protocol: 'udp' });
  assert.equal(badPort, 'x11');
  assert.deepEqual(defaultRanges, []);
  assert.ok(systems.inside.some(({ id }) => id === 'openbsd'));
  assert.ok(systems.outside.some(({ id }) => id === 'linux'));
  assert.deepEqual(
    explained({ port: 30_100 }).defaultRanges.map(({ id }) => id),
    ['nomad', 'nodeport'],
  );
});
