// What the guard intentionally does not judge: other networks, ports that the kernel chooses, ports already in use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BindAgent } from '../support/bind-agent.ts';
import { ALICE, BOUND, BOUND6, bindBy, NEW, setup, TCP6, UDP, USERS, WEB } from '../support/guard-setup.ts';

const ALL_RESERVED = 'PORTRANGE 1 65535 TCP RESERVED\nPORTRANGE 1 65535 UDP RESERVED\n';
const NO_ONE_ELSE = 'PORT\n UNRSV TCP WEB\n UNRSV UDP WEB\n';

test('another network namespace has its own ports, until the guard covers it', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT 4000 TCP WEB\n');
  const elsewhere = await BindAgent.on(at.fixture, { ownNetwork: true });
  assert.notEqual(elsewhere.netns, at.agent.netns);
  assert.equal(await bindBy(elsewhere, 4000, ALICE), BOUND);
  assert.equal(await bindBy(elsewhere, 80, WEB), 'EACCES');
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
  at.fixture.kernel.namespaces.add(elsewhere.netns);
  assert.equal(await bindBy(elsewhere, 4000, ALICE), 'EACCES');
  assert.equal(await bindBy(elsewhere, 4000, WEB), BOUND);
  const { namespaces } = at.fixture.kernel.state();
  assert.ok([at.agent.netns, elsewhere.netns].every((netns) => namespaces.includes(netns)));
});

test('port 0: the kernel chooses, and no bind is refused', async (t) => {
  const at = await setup(t);
  if (!at) return;
  for (const profile of [ALL_RESERVED, NO_ONE_ELSE]) {
    at.inForce(profile);
    for (const user of [ALICE, NEW]) {
      assert.equal(await at.bind(0, user), BOUND);
      assert.equal(await at.bind(0, user, TCP6), BOUND6);
      assert.equal(await at.bind(0, user, UDP), BOUND);
      assert.equal(await at.bind(5000, user), 'EACCES');
    }
  }
});

/** Takes a port by each call that takes one without bind(2), and then tries to bind. */
const AUTOBIND = `import socket
def port(one):
    print("got a port" if one.getsockname()[1] != 0 else "no port")
listener = socket.socket()
listener.listen()
port(listener)
client = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
port(client)
sender = socket.socket(type=socket.SOCK_DGRAM)
sender.sendto(b"", ("127.0.0.1", 9))
port(sender)
peer = socket.socket(type=socket.SOCK_DGRAM)
peer.connect(("127.0.0.1", 9))
port(peer)
try:
    socket.socket().bind(("", 5000))
    print("bound")
except OSError as problem:
    print(problem.errno)`;

test('listen, connect and sendto without bind get a port from the kernel', async (t) => {
  const at = await setup(t);
  if (!at) return;
  for (const profile of [ALL_RESERVED, NO_ONE_ELSE]) {
    at.inForce(profile);
    const { stdout, stderr } = await at.fixture.run(['python3', '-c', AUTOBIND], { uid: 1001 });
    assert.equal(stdout + stderr, `${'got a port\n'.repeat(4)}13\n`);
  }
});

test('a socket that is open when a profile is put in force keeps its port, but does not get it again', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const alice = await BindAgent.on(at.fixture);
  at.inForce('PORT 4000 TCP ALICE\n');
  assert.equal(await bindBy(alice, 4000, ALICE, { listen: true, keep: true }), BOUND);
  at.inForce('PORT 4000 TCP WEB\n');
  const connected = 'import socket; socket.create_connection(("127.0.0.1", 4000)); print("connected")';
  assert.equal((await at.fixture.run(['python3', '-c', connected])).stdout, 'connected\n');
  // For the new job it is in use, as on any host: the guard allows the bind, and Linux refuses it.
  assert.equal(await at.bind(4000, WEB), 'EADDRINUSE');
  await alice.release();
  assert.equal(await bindBy(alice, 4000, ALICE), 'EACCES');
  assert.equal(await at.bind(4000, WEB), BOUND);
});

test('the job is that of the nearest cgroup that has one, however deep; then that of the user', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const { fixture } = at;
  const web = fixture.below('web');
  const inner = fixture.below('alice', web);
  let deep = web;
  for (let level = 0; level < 12; level++) deep = fixture.below('deeper', deep);
  const cgroups = [
    [web, 'WEB'],
    [inner, 'ALICE'],
  ] as const;
  fixture.inForce('PORT\n 4000 TCP WEB\n 4001 TCP ALICE\n 4002 TCP ROOT\n', { users: USERS, cgroups });
  const agents = await Promise.all(
    [web, deep, inner, undefined].map((cgroup) =>
      BindAgent.on(fixture, cgroup === undefined ? {} : { cgroup }),
    ),
  );
  const ports = [4000, 4001, 4002];
  const results: unknown[] = [];
  // One after another: two of them may have the same port.
  for (const agent of agents) results.push(await Promise.all(ports.map((port) => bindBy(agent, port))));
  assert.deepEqual(results, [
    [BOUND, 'EACCES', 'EACCES'],
    [BOUND, 'EACCES', 'EACCES'],
    ['EACCES', BOUND, 'EACCES'],
    ['EACCES', 'EACCES', BOUND],
  ]);
});
