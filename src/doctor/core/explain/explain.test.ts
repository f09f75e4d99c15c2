// All about one port: the answer for each thing that can be in the way, and what it rests on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../../base/address.ts';
import type { OpenSocket } from '../../../base/open-socket.ts';
import type { Verdict } from '../../../profile/core/verdict.ts';
import type { SeenSocket } from '../../../sockets/core/seen.ts';
import { type Explanation, explainPort, type PortFacts } from './explain.ts';
import type { Binder } from './permission.ts';

const ROOT: Binder = { uid: 0, user: 'root', gids: [0], job: 'ROOT', isCapable: true, verdict: undefined };
const ALICE: Binder = {
  uid: 1000,
  user: 'alice',
  gids: [1000],
  job: 'ALICE',
  isCapable: false,
  verdict: undefined,
};

function end(address: string, port: number) {
  return { address: parseIp(address) ?? assert.fail(address), port };
}

function seen(
  words: Partial<OpenSocket> & { local?: OpenSocket['local'] },
  about: Partial<SeenSocket> = {},
): SeenSocket {
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
    ...words,
  };
  const nobody = { user: undefined, unit: undefined, container: undefined, forwardsTo: undefined };
  return { socket, owners: [], job: 'UNKNOWN', ...nobody, ...about };
}

const NGINX = { pid: 812, startTicks: 1, name: 'nginx', command: 'nginx', uid: 33, cgroup: undefined };

function explained(words: Partial<PortFacts> & { sockets?: readonly SeenSocket[] }): Explanation {
  const { sockets = [], ...others } = words;
  return explainPort({
    port: 8080,
    protocol: 'tcp',
    seen: { sockets, notSeen: 0 },
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

function answer(words: Parameters<typeof explained>[0]): string {
  const { can, cause, why } = explained(words).answer;
  return `${can} ${cause}: ${why}`;
}

describe('a port that nobody has', () => {
  test('can be had', () => assert.equal(answer({}), 'yes FREE: nobody has it'));

  test('can be lost to a client while it is in the range of clients and not reserved', () => {
    const port = 40_030;
    assert.match(answer({ port }), /^yes EXPOSED: /);
    const kernel = explained({}).kernel;
    const reserved = [{ first: 40_000, last: 40_100 }];
    assert.match(answer({ port, kernel: { ...kernel, reserved } }), /^yes FREE: /);
  });

  test('takes a capability where it is low, which root has', () => {
    const why = 'ports below 1024 take CAP_NET_BIND_SERVICE, which you do not have here; root can have it';
    assert.equal(answer({ port: 80 }), `no PRIVILEGED: ${why}`);
    assert.match(answer({ port: 80, you: { ...ALICE, isCapable: true } }), /^yes /);
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

  test('cannot be had while the guard enforces that', () => {
    const why =
      'the profile reserves it and not for job ALICE (profile.tcpip:3), and the guard enforces that';
    assert.equal(answer({ you, guard: 'enforce' }), `no REFUSED: ${why}; root can have it`);
  });

  test('can be had where nobody enforces it', () => {
    for (const guard of ['observe', 'off', 'elsewhere', undefined] as const) {
      assert.match(answer({ you, guard }), /^yes /);
    }
  });

  test('is given to its job without a capability', () => {
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

  test('what the profile leaves to Linux is a matter of privilege', () => {
    const verdict: Verdict = { ...denied, reason: 'LOW_PORT_OF_LINUX', rule: undefined };
    assert.match(answer({ port: 80, you: { ...ALICE, verdict }, guard: 'enforce' }), /^no PRIVILEGED/);
  });
});

describe('a port that somebody has', () => {
  test('is named with who listens, and what can be done', () => {
    const sockets = [seen({}, { owners: [NGINX], unit: 'nginx.service' })];
    const { answer: found } = explained({ sockets });
    assert.deepEqual(found, {
      can: 'no',
      likely: 'no',
      cause: 'LISTENING',
      why: 'nginx (pid 812, nginx.service) listens',
      remedies: [
        { text: 'Stop it', command: 'systemctl stop nginx.service' },
        { text: 'Or take another port', command: 'portreeve suggest --near 8080' },
        { text: 'On IPv6 alone it is free' },
      ],
      freeInMs: undefined,
    });
  });

  test('is freed by a command where one would do, and no other program is hurt by it', () => {
    const advised = (about: Partial<SeenSocket>) => {
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
    assert.equal(advised({ container: { runtime: 'containerd', id } }), 'Stop that container');
    assert.equal(advised({}), 'Stop it');
  });

  test('is free elsewhere if it is held at one address', () => {
    const sockets = [seen({ local: end('127.0.0.1', 8080) }, { user: 'www' })];
    const { answer: found, attempts } = explained({ sockets });
    assert.equal(found.why, 'a program of user www listens at 127.0.0.1:8080');
    assert.deepEqual(found.remedies.at(-1), { text: 'On other addresses it is free' });
    const free = attempts.filter(({ plain }) => plain.answer === 'free').map(({ place }) => place.text);
    assert.deepEqual(free, [':: with IPV6_V6ONLY', '::1', 'another IPv4 address', 'another IPv6 address']);
  });

  test('is held also by one that is bound and does not listen', () => {
    const sockets = [seen({ state: 'BOUND' }, { owners: [NGINX] })];
    assert.equal(answer({ sockets }), 'unsure BOUND: nginx (pid 812) has bound it and does not listen');
  });

  test('is held by a client', () => {
    const sockets = [
      seen(
        { state: 'ESTABLISHED', local: end('192.0.2.1', 40_030), remote: end('192.0.2.9', 443) },
        { owners: [NGINX, { ...NGINX, pid: 813 }] },
      ),
    ];
    const { answer: found } = explained({ port: 40_030, sockets });
    assert.equal(found.can, 'unsure');
    assert.equal(found.why, 'nginx (pid 812 and 1 more) has it for a connection to 192.0.2.9:443');
    assert.equal(found.likely, 'no');
    const texts = found.remedies.map(({ text }) => text);
    assert.match(
      texts[0] ?? '',
      /^A server that sets SO_REUSEADDR can have it now if that socket has it set, too;/,
    );
    assert.match(texts[1] ?? '', /\(TIME_WAIT\)$/);
    assert.equal(
      texts[3],
      'Then keep it from clients: PORT 40030 TCP JOB in a profile, or until the next boot',
    );
    assert.deepEqual(
      found.remedies.flatMap(({ command }) => command ?? []),
      ['ss -tK sport = :40030', 'sysctl -w net.ipv4.ip_local_reserved_ports=40030'],
    );
  });

  test('can probably be had where only connections of a server have it, unless one may not', () => {
    const connection = seen(
      { state: 'ESTABLISHED', local: end('192.0.2.1', 80), remote: end('192.0.2.9', 50_000) },
      { owners: [NGINX] },
    );
    const { answer: found } = explained({ port: 80, you: ROOT, sockets: [connection] });
    assert.deepEqual([found.can, found.likely, found.cause], ['unsure', 'yes', 'CONNECTED']);
    assert.match(
      found.remedies[0]?.text ?? '',
      /^A server that sets SO_REUSEADDR gets it all the same if that socket/,
    );
    assert.match(answer({ port: 80, sockets: [connection] }), /^no PRIVILEGED/);
    const bound = seen({ state: 'BOUND' });
    assert.equal(explained({ sockets: [bound] }).answer.likely, 'no');
  });

  test('is held by a connection that nobody has accepted', () => {
    const queued = seen({
      state: 'ESTABLISHED',
      local: end('192.0.2.1', 8080),
      remote: end('192.0.2.9', 50_000),
      uid: undefined,
      inode: 0,
    });
    assert.equal(
      answer({ sockets: [queued] }),
      'unsure CONNECTED: a connection to 192.0.2.9:50000 that nobody has accepted yet has it',
    );
  });

  test('of UDP is held by a client until that ends', () => {
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
    assert.deepEqual([found.can, found.cause], ['no', 'CONNECTED']);
    assert.doesNotMatch(JSON.stringify(found.remedies), /TIME_WAIT/);
  });

  test('is free when the last one that waits is gone', () => {
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
      /^a connection to 127\.0\.0\.1:9000 that has ended keeps it for 44 s more \(TIME_WAIT\)/,
    );
    assert.match(found.why, /, and 1 more socket has it$/);
    assert.equal(found.remedies.at(-1)?.command, 'ss -tK state time-wait sport = :8080');
  });

  test('is judged in a moment however many connections a server has left', () => {
    const waiting = seen({
      state: 'TIME_WAIT',
      local: end('127.0.0.1', 8080),
      remote: end('127.0.0.1', 9000),
      uid: undefined,
      inode: 0,
      expiresMs: 1000,
    });
    const { answer: found } = explained({ sockets: Array.from({ length: 200_000 }, () => waiting) });
    assert.deepEqual([found.can, found.likely, found.freeInMs], ['unsure', 'yes', 1000]);
    assert.match(found.why, /, and 199999 more sockets have it$/);
  });

  test('one that listens counts for more than connections of it', () => {
    const connection = seen({ state: 'ESTABLISHED', remote: end('127.0.0.1', 9000) });
    const sockets = [connection, connection, seen({}, { owners: [NGINX] })];
    assert.match(answer({ sockets }), /^no LISTENING: nginx \(pid 812\) listens/);
  });

  test('of UDP has it, whatever SO_REUSEADDR would do', () => {
    const sockets = [
      seen({ protocol: 'udp', state: 'UNCONNECTED', local: end('0.0.0.0', 53) }, { owners: [NGINX] }),
    ];
    assert.equal(
      answer({ port: 53, protocol: 'udp', you: ROOT, sockets }),
      'no LISTENING: nginx (pid 812) has it',
    );
  });

  test("behind Docker's proxy is a container", () => {
    const sockets = [
      seen({}, { owners: [{ ...NGINX, name: 'docker-proxy' }], forwardsTo: end('172.17.0.2', 80) }),
    ];
    assert.match(answer({ sockets }), /: a container at 172\.17\.0\.2:80 \(docker-proxy, pid 812\) listens$/);
  });
});

test('a port is added to the list of those that are kept from clients, unless that is long', () => {
  const keeping = (reserved: PortFacts['kernel']['reserved']) => {
    const kernel = { ...explained({}).kernel, reserved };
    return explained({ port: 40_030, kernel }).answer.remedies[0];
  };
  const list = 'net.ipv4.ip_local_reserved_ports';
  assert.equal(keeping([])?.command, `sysctl -w ${list}=40030`);
  assert.equal(
    keeping([
      { first: 8080, last: 8080 },
      { first: 40_000, last: 40_029 },
    ])?.command,
    `sysctl -w ${list}=8080,40000-40030`,
  );
  const many = Array.from({ length: 12 }, (_, at) => ({ first: 33_000 + 2 * at, last: 33_000 + 2 * at }));
  const { text, command } = keeping(many) ?? assert.fail();
  assert.equal(command, undefined);
  assert.match(text, /, or add it to net\.ipv4\.ip_local_reserved_ports$/);
});

test('what is in the way comes before who may', () => {
  assert.match(answer({ port: 80, sockets: [seen({ local: end('0.0.0.0', 80) })] }), /^no LISTENING/);
});

test('systems, pools and browsers are told for the protocol', () => {
  const { stacks, pools, badPort } = explained({ port: 6000, protocol: 'udp' });
  assert.equal(badPort, 'x11');
  assert.deepEqual(pools, []);
  assert.ok(stacks.ephemeralOn.some(({ id }) => id === 'openbsd'));
  assert.ok(stacks.safe.some(({ id }) => id === 'linux'));
  assert.deepEqual(
    explained({ port: 30_100 }).pools.map(({ id }) => id),
    ['nomad', 'nodeport'],
  );
});
