// Attempts to bypass a judge of bind(2): what the guard does about each, or why it need not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BindAgent } from '../support/bind-agent.ts';
import { ALICE, BOUND, BOUND6, bindBy, setup, TCP6, UDP, WEB } from '../support/guard-setup.ts';

const AF_UNSPEC = 0;
const RESERVED = 'PORT\n 4000 TCP WEB\n 4000 UDP WEB\n 80 TCP WEB\n 4001 TCP WEB BIND 192.0.2.7\n';

test('an IPv4 address may have AF_UNSPEC, and is IPv4', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  // inet_bind(): AF_UNSPEC is AF_INET as long as the address is INADDR_ANY.
  const unspecified = { claimedFamily: AF_UNSPEC };
  for (const more of [unspecified, { ...unspecified, ...UDP }]) {
    assert.equal(await at.bind(4000, ALICE, more), 'EACCES');
    assert.equal(await at.bind(4000, WEB, more), BOUND);
  }
  // With BIND it is no longer INADDR_ANY, and Linux refuses it: no program can write the family.
  assert.equal(await at.bind(4001, WEB, unspecified), 'EAFNOSUPPORT');
  assert.equal(await at.bind(4001, WEB), '192.0.2.7');
  assert.equal(await at.bind(5000, ALICE, unspecified), BOUND);
});

test('a socket of both families also takes the IPv4 port, and is judged', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  assert.equal(await at.bind(4000, ALICE, TCP6), 'EACCES');
  assert.equal(await at.bind(4000, WEB, TCP6), BOUND6);
  assert.equal(await at.bind(4000, ALICE, { ...TCP6, options: ['V6ONLY'] }), 'EACCES');
  assert.equal(await at.bind(4000, WEB, { ...TCP6, options: ['V6ONLY'] }), BOUND6);
});

test('an IPv6-only socket cannot have an IPv4 address: with BIND of one Linux refuses it', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  // BPF programs cannot see IPV6_V6ONLY.
  assert.equal(await at.bind(4001, WEB, { ...TCP6, options: ['V6ONLY'] }), 'EINVAL');
  assert.equal(await at.bind(4001, WEB, TCP6), '::ffff:192.0.2.7');
});

test('an IPv4-mapped address is judged as the IPv4 address', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  for (const address of ['::ffff:127.0.0.1', '::ffff:0.0.0.0', '::ffff:192.0.2.1']) {
    assert.equal(await at.bind(4000, ALICE, { socket: 'tcp6', address }), 'EACCES');
    assert.equal(await at.bind(4000, ALICE, { socket: 'udp6', address }), 'EACCES');
    assert.equal(await at.bind(4000, WEB, { socket: 'tcp6', address }), address);
  }
});

test('the owner of a socket does not matter: the caller of bind(2) is judged', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const [web, alice] = [at.fixture.below('web'), at.fixture.below('alice')];
  const jobs = {
    cgroups: [
      [web, 'WEB'],
      [alice, 'ALICE'],
    ],
  } as const;
  at.fixture.inForce(RESERVED, jobs);
  const [byWeb, byAlice] = [
    await BindAgent.on(at.fixture, { cgroup: web }),
    await BindAgent.on(at.fixture, { cgroup: alice }),
  ];
  assert.equal(await bindBy(byWeb, 4000, WEB), BOUND);
  assert.equal(await bindBy(byAlice, 4000, WEB), 'EACCES');
  assert.equal(await bindBy(byWeb, 4000, {}, { moveTo: alice }), 'EACCES');
  assert.equal(await bindBy(byAlice, 4000, {}, { moveTo: web }), BOUND);
});

test('which guard judges a socket depends on where it was created', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const outside = at.fixture.bpf.cgroupRoot();
  at.inForce(RESERVED);
  const agent = await BindAgent.on(at.fixture, { cgroup: outside });
  const inside = at.fixture.place.cgroup;
  // Created outside: it is not judged, wherever its program is. A guard in the root cgroup has no outside.
  assert.equal(await bindBy(agent, 4000, {}, { moveTo: inside }), BOUND);
  // Created inside: it is judged, wherever its program is now.
  assert.equal(await bindBy(agent, 4000, {}, { moveTo: outside }), 'EACCES');
  assert.equal(await bindBy(agent, 4000, {}, { moveTo: outside }), BOUND);
});

/** Binds in a thread that alone has changed its user: the system call itself affects one thread (setuid(2)). */
const THREAD = `import ctypes, platform, socket, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
SYS_setresuid = {"x86_64": 117, "aarch64": 147}[platform.machine()]
def bind(name):
    try:
        socket.socket().bind(("", 4000))
        print(name, "bound")
    except OSError as problem:
        print(name, problem.errno)
def other():
    if libc.syscall(SYS_setresuid, 1000, 1000, 1000) != 0:
        sys.exit("setresuid")
    bind("thread")
bind("before")
thread = threading.Thread(target=other)
thread.start()
thread.join()
bind("after")`;

test('each thread is judged by its own user', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  const asRoot = await at.fixture.run(['python3', '-c', THREAD]);
  assert.equal(asRoot.stdout + asRoot.stderr, 'before 13\nthread bound\nafter 13\n');
  at.inForce('PORT 4000 TCP ROOT\n');
  const forRoot = await at.fixture.run(['python3', '-c', THREAD]);
  assert.equal(forRoot.stdout + forRoot.stderr, 'before bound\nthread 13\nafter bound\n');
});

const BIND = 'import socket; socket.socket().bind(("", 4000)); print("bound")';

test('the real user counts: a set-user-ID program has the job of the user who started it', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  const startedBy = async (uid: number): Promise<string> => {
    const { stdout, stderr } = await at.fixture.run(['setpriv', `--ruid=${uid}`, 'python3', '-c', BIND]);
    return stdout || (stderr.trim().split('\n').at(-1) ?? '');
  };
  assert.equal(await startedBy(1000), 'bound\n');
  assert.equal(await startedBy(1001), 'PermissionError: [Errno 13] Permission denied');
});

test('MPTCP takes the ports of TCP', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(RESERVED);
  const refused = await at.bind(4000, ALICE, { socket: 'mptcp4' });
  if (refused.startsWith('socket:')) return t.skip('needs a kernel with MPTCP');
  assert.equal(refused, 'EACCES');
  assert.equal(await at.bind(4000, WEB, { socket: 'mptcp4' }), BOUND);
  assert.equal(await at.bind(4000, ALICE, { socket: 'mptcp6', address: '::' }), 'EACCES');
  assert.equal(await at.bind(4000, WEB, { socket: 'mptcp6', address: '::' }), BOUND6);
  assert.equal(await at.bind(80, WEB, { socket: 'mptcp4' }), BOUND);
  assert.equal(await at.bind(4001, WEB, { socket: 'mptcp4' }), '192.0.2.7');
});

for (const protocol of ['udplite', 'sctp'] as const) {
  test(`${protocol} has its own ports, to which a profile does not apply`, async (t) => {
    const at = await setup(t);
    if (!at) return;
    at.inForce('PORTRANGE 1 65535 TCP RESERVED\nPORTRANGE 1 65535 UDP RESERVED\n');
    const bound = await at.bind(4000, ALICE, { socket: `${protocol}4` });
    if (bound.startsWith('socket:')) return t.skip(`needs a kernel with ${protocol}`);
    assert.equal(bound, BOUND);
    assert.equal(await at.bind(4000, ALICE, { socket: `${protocol}6`, address: '::' }), BOUND6);
    assert.equal(await at.bind(4000, ALICE), 'EACCES');
    assert.equal(await at.bind(4000, ALICE, UDP), 'EACCES');
    // Linux's own rule for low ports still applies.
    assert.equal(await at.bind(80, ALICE, { socket: `${protocol}4` }), 'EACCES');
  });
}

test('SO_REUSEADDR and SO_REUSEPORT permit no port of another job', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const held = { keep: true, listen: true };
  const specific = { address: '127.0.0.1' };
  // Without a guard, any socket with SO_REUSEADDR can share a UDP port of another one that has it.
  assert.equal(await at.bind(4000, WEB, { ...UDP, keep: true, options: ['REUSEADDR'] }), BOUND);
  assert.equal(await at.bind(4000, ALICE, { ...UDP, ...specific, options: ['REUSEADDR'] }), '127.0.0.1');
  await at.agent.release();
  at.inForce(RESERVED);
  for (const option of ['REUSEADDR', 'REUSEPORT'] as const) {
    const options = [option];
    assert.equal(await at.bind(4000, WEB, { ...UDP, keep: true, options }), BOUND);
    assert.equal(await at.bind(4000, ALICE, { ...UDP, ...specific, options }), 'EACCES');
    assert.equal(await at.bind(4000, WEB, { ...UDP, ...specific, options }), '127.0.0.1');
    assert.equal(await at.bind(4000, WEB, { ...held, options }), BOUND);
    assert.equal(await at.bind(4000, ALICE, { ...specific, options }), 'EACCES');
    assert.equal(await at.bind(4000, ALICE, { ...TCP6, options }), 'EACCES');
    await at.agent.release();
  }
});
