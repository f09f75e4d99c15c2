// The results of bind(2) under a profile in force: each refusal with its errno, and its permitted twin.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Permits } from '../../src/guard/bpf/tables.ts';
import type { AgentUser } from '../support/bind-agent.ts';
import { ALICE, BOUND, BOUND6, FTPD, NEW, setup, TCP6, UDP, UDP6, WEB } from '../support/guard-setup.ts';

test('a port is permitted only to the job for which it is reserved, per protocol and family', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 4000 TCP WEB\n 4001 UDP WEB\n');
  for (const [port, more, bound] of [
    [4000, {}, BOUND],
    [4000, TCP6, BOUND6],
    [4001, UDP, BOUND],
    [4001, UDP6, BOUND6],
  ] as const) {
    assert.equal(await at.bind(port, WEB, more), bound);
    assert.equal(await at.bind(port, ALICE, more), 'EACCES');
    assert.equal(await at.bind(port, {}, more), 'EACCES');
  }
  // A reservation applies to one protocol.
  assert.equal(await at.bind(4000, ALICE, UDP), BOUND);
  assert.equal(await at.bind(4001, ALICE), BOUND);
});

test('a port may be reserved for several jobs, each with its own options', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(
    'PORT\n 4000 TCP WEB\n 4000 TCP ALICE BIND 192.0.2.7\n 4000 TCP FTP*\n 4001 TCP ALICE\n 4001 TCP WEB\n',
  );
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(await at.bind(4000, ALICE), '192.0.2.7');
  assert.equal(await at.bind(4000, FTPD), BOUND);
  assert.equal(await at.bind(4000), 'EACCES');
  assert.equal(await at.bind(4001, WEB), BOUND);
  assert.equal(await at.bind(4001, ALICE), BOUND);
  assert.equal(await at.bind(4001, FTPD), 'EACCES');
});

test('RESERVED: no job gets the port, not even root', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT 4000 TCP RESERVED\nPORTRANGE 5000 10 TCP RESERVED\n');
  for (const port of [4000, 5000, 5009]) assert.equal(await at.bind(port), 'EACCES');
  for (const port of [3999, 4001, 4999, 5010]) assert.equal(await at.bind(port), BOUND);
});

test('the errno is EADDRINUSE on ports 512-1023, where bindresvport(3) looks for a free port', async (t) => {
  const at = await setup(t);
  if (!at) return;
  const profile = 'PORTRANGE 1 1024 TCP WEB\nPORT 65535 TCP WEB\n';
  const refused = (ports: readonly number[]) => Promise.all(ports.map((port) => at.bind(port)));
  const ports = [1, 511, 512, 1023, 1024, 65535];
  at.inForce(profile);
  const inUse = 'EADDRINUSE';
  assert.deepEqual(await refused(ports), ['EACCES', 'EACCES', inUse, inUse, 'EACCES', 'EACCES']);
  at.inForce(profile, { errno: 1, errnoLow: 99 });
  const notAvailable = 'EADDRNOTAVAIL';
  assert.deepEqual(await refused(ports), ['EPERM', 'EPERM', notAvailable, notAvailable, 'EPERM', 'EPERM']);
  for (const port of ports) assert.equal(await at.bind(port, WEB), BOUND);
});

test('a reservation gives its job a low port without CAP_NET_BIND_SERVICE', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 80 TCP WEB\n 80 UDP WEB\n');
  assert.equal(await at.bind(80, WEB), BOUND);
  assert.equal(await at.bind(80, WEB, TCP6), BOUND6);
  assert.equal(await at.bind(80, WEB, UDP), BOUND);
  assert.equal(await at.bind(80, ALICE), 'EACCES');
  // Only this port, and no capability for others.
  assert.equal(await at.bind(81, WEB), 'EACCES');
  assert.equal(await at.bind(81, { ...WEB, lowPortCapable: true }), BOUND);
});

test('BIND: a socket that requests all IPv4 addresses gets the address of the reservation', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce(
    'PORT\n 4000 TCP WEB BIND 192.0.2.7\n 4000 UDP WEB BIND 192.0.2.7\n 80 TCP WEB BIND 192.0.2.7\n',
  );
  assert.equal(await at.bind(4000, WEB), '192.0.2.7');
  assert.equal(await at.bind(4000, WEB, UDP), '192.0.2.7');
  assert.equal(await at.bind(80, WEB), '192.0.2.7');
  assert.equal(await at.bind(4000, WEB, { address: '192.0.2.1' }), '192.0.2.1');
  const mapped = '::ffff:192.0.2.7';
  assert.equal(await at.bind(4000, WEB, TCP6), mapped);
  assert.equal(await at.bind(4000, WEB, { ...TCP6, address: '::ffff:0.0.0.0' }), mapped);
  assert.equal(await at.bind(4000, WEB, { ...TCP6, address: '2001:db8::1' }), '2001:db8::1');
  assert.equal(await at.bind(4000, WEB, { ...TCP6, address: '::ffff:192.0.2.1' }), '::ffff:192.0.2.1');
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
});

test('BIND with an IPv6 address applies to IPv6 sockets', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT 4000 TCP WEB BIND 2001:db8::7\n');
  assert.equal(await at.bind(4000, WEB, TCP6), '2001:db8::7');
  assert.equal(await at.bind(4000, WEB, { ...TCP6, address: '2001:db8::1' }), '2001:db8::1');
  // PORT: the address "is ignored for IPv4 listeners".
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(await at.bind(4000, WEB, { ...TCP6, address: '::ffff:0.0.0.0' }), '::ffff:0.0.0.0');
});

test('RESTRICTLOWPORTS: only root may bind low ports that are not reserved', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('TCPCONFIG RESTRICTLOWPORTS\nPORT 80 TCP WEB\n');
  // Linux requires the capability, and returns EACCES.
  assert.equal(await at.bind(600, WEB), 'EACCES');
  assert.equal(await at.bind(600), BOUND);
  assert.equal(await at.bind(600, { ...WEB, lowPortCapable: true }), BOUND);
  assert.equal(await at.bind(80, WEB), BOUND);
  assert.equal(await at.bind(1024, WEB), BOUND);
  // Where Linux requires none, the programs decide: they see the user, but not capabilities.
  await at.agent.setUnprivilegedStart(0);
  at.inForce('TCPCONFIG RESTRICTLOWPORTS\nPORT 80 TCP WEB\n', { unprivilegedStart: 0 });
  assert.equal(await at.bind(600, WEB), 'EADDRINUSE');
  assert.equal(await at.bind(100, WEB), 'EACCES');
  assert.equal(await at.bind(600), BOUND);
  assert.equal(await at.bind(600, WEB, UDP), BOUND);
});

test('UNRESTRICTLOWPORTS: every user may bind low ports that are not reserved', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('UDPCONFIG UNRESTRICTLOWPORTS\nPORT 80 UDP OTHER\n');
  assert.equal(await at.bind(600, WEB, UDP), BOUND);
  assert.equal(await at.bind(600, WEB, UDP6), BOUND6);
  assert.equal(await at.bind(80, WEB, UDP), 'EACCES');
  assert.equal(await at.bind(600, WEB), 'EACCES');
});

test('UNRSV: the most specific entry decides for ports that are not reserved', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 4000 TCP ALICE\n UNRSV TCP WEB\n UNRSV TCP FTP*\n');
  assert.equal(await at.bind(5000, WEB), BOUND);
  assert.equal(await at.bind(5000, FTPD), BOUND);
  assert.equal(await at.bind(5000, ALICE), 'EACCES');
  assert.equal(await at.bind(5000), 'EACCES');
  assert.equal(await at.bind(600), 'EADDRINUSE');
  // It does not apply to reserved ports, to the other protocol, or to port 0.
  assert.equal(await at.bind(4000, ALICE), BOUND);
  assert.equal(await at.bind(5000, ALICE, UDP), BOUND);
  assert.equal(await at.bind(0, ALICE), BOUND);
});

test('UNRSV * DENY: all jobs that are not named are refused', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n UNRSV TCP * DENY WHENBIND\n UNRSV TCP WEB WHENBIND\n');
  assert.equal(await at.bind(5000, WEB), BOUND);
  assert.equal(await at.bind(5000, ALICE), 'EACCES');
  assert.equal(await at.bind(600), 'EADDRINUSE');
  assert.equal(await at.bind(5000, NEW), 'EACCES');
});

/** WEBRES permits user 1000, and not root, which is a user like any other. */
const permits = (resname: string): Permits => ({
  uids: new Map([
    [1000, true],
    [0, false],
  ]),
  everyone: resname === 'MOST',
});

test('SAF: the user must also be permitted', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 4000 TCP * SAF WEBRES\n 4001 TCP * SAF MOST\n 4002 TCP ALICE SAF MOST\n', { permits });
  assert.equal(await at.bind(4000, WEB), BOUND);
  assert.equal(await at.bind(4000, ALICE), 'EACCES');
  assert.equal(await at.bind(4000), 'EACCES');
  assert.equal(await at.bind(4001, WEB), BOUND);
  assert.equal(await at.bind(4001, ALICE), BOUND);
  assert.equal(await at.bind(4001), 'EACCES');
  assert.equal(await at.bind(4002, ALICE), BOUND);
  assert.equal(await at.bind(4002, WEB), 'EACCES');
});

test('UNRSV with SAF: by user, as for a reservation', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT UNRSV TCP * SAF WEBRES\n', { permits });
  assert.equal(await at.bind(5000, WEB), BOUND);
  assert.equal(await at.bind(5000, ALICE), 'EACCES');
  assert.equal(await at.bind(600), 'EADDRINUSE');
});

test('AUTHPORT: for the FTP servers that the settings name', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORTRANGE 5000 10 TCP AUTHPORT\n');
  assert.equal(await at.bind(5004, FTPD), BOUND);
  assert.equal(await at.bind(5004, WEB), 'EACCES');
  at.inForce('PORTRANGE 5000 10 TCP AUTHPORT\n', { authportJobs: ['VSFTPD', 'WEB'] });
  assert.equal(await at.bind(5004, FTPD), 'EACCES');
  assert.equal(await at.bind(5004, WEB), BOUND);
  at.inForce('PORTRANGE 5000 10 TCP AUTHPORT\n', { authportJobs: [] });
  assert.equal(await at.bind(5004, FTPD), 'EACCES');
});

test('OMVS matches every known job, * also matches the job UNKNOWN', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 4000 TCP OMVS\n 4001 TCP *\n 4002 TCP UNKNOWN\n 4003 TCP UNK*\n 4004 TCP INTCLIEN\n');
  const all = (user: AgentUser) =>
    Promise.all([4000, 4001, 4002, 4003, 4004].map((port) => at.bind(port, user)));
  assert.deepEqual(await all(WEB), [BOUND, BOUND, 'EACCES', 'EACCES', 'EACCES']);
  assert.deepEqual(await all(NEW), ['EACCES', BOUND, 'EACCES', 'EACCES', 'EACCES']);
  at.inForce('PORT 4000 TCP OMVS\n', { omvsJob: 'UNIX' });
  assert.equal(await at.bind(4000, WEB), 'EACCES');
  at.inForce('PORT 4000 TCP UNIX\n', { omvsJob: 'UNIX' });
  assert.equal(await at.bind(4000, WEB), BOUND);
});

test('SHAREPORT: listeners of one user share the port, those of two users do not', async (t) => {
  const at = await setup(t);
  if (!at) return;
  at.inForce('PORT\n 4000 TCP * SHAREPORT\n 4001 TCP *\n');
  const listening = { listen: true, keep: true };
  assert.equal(await at.bind(4000, WEB, listening), BOUND);
  assert.equal(await at.bind(4000, WEB, listening), BOUND);
  assert.equal(await at.bind(4000, ALICE, listening), 'EADDRINUSE');
  assert.equal(await at.bind(4001, WEB, listening), BOUND);
  assert.equal(await at.bind(4001, WEB, listening), 'EADDRINUSE');
});
