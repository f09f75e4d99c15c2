// The text of an explanation. Ports 1030 and 12345 are the examples of the Stratus guide to choosing ports.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { explainHost, type HostOptions, refusal } from '../../../test/support/explain-host.ts';
import { parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import { explain } from '../app/explain.ts';
import { explanationText } from './explain-text.ts';

const WIDE = { columns: 100, env: { NO_COLOR: '1' } };

async function reported(
  port: number,
  protocols: readonly Protocol[],
  changes: HostOptions = {},
  environment = {},
) {
  return explanationText(capturedIo(environment), await explain(port, protocols, explainHost(changes)));
}

/** The lines of the row with a label. */
function under(label: string, text: string): string[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith(label.padEnd(10)));
  const end = lines.findIndex((line, at) => at > first && !line.startsWith(' '));
  return first < 0 ? [] : lines.slice(first, end).map((line) => line.slice(10));
}

describe('the examples of the guide', () => {
  test('1030: ephemeral in TCP_OS, not in current systems', async () => {
    assert.equal(
      await reported(1030, ['tcp', 'udp'], {}, WIDE),
      `1030/tcp and 1030/udp are free.

held by   no socket
server    on every address: free
you       user alice, job ALICE: may bind it
root      user root, job ROOT: may bind it
ephemeral range 32768-60999; never this port
profile   no profile is in force
name      reserved by IANA; a user port (1024-49151)
systems   outside the ephemeral range of linux, android, freebsd, netbsd, macos, windows, solaris,
          aix
          tcp: inside that of openbsd, zos (rare); windows-2003, ftserver, linux-2.2, bsd, irix,
          vos-tcp-os, ftx-3.3 (past)
          udp: inside that of openbsd, zos (rare); windows-2003, ftserver, linux-2.2, bsd, irix,
          vos-tcp-os, vos-stcp-old, ftx-3.3 (past)
`,
    );
  });

  test('12345: ephemeral in FreeBSD, and once in STCP', async () => {
    assert.equal(
      await reported(12_345, ['tcp', 'udp'], {}, WIDE),
      `12345/tcp and 12345/udp are free.

held by   no socket
server    on every address: free
you       user alice, job ALICE: may bind it
root      user root, job ROOT: may bind it
ephemeral range 32768-60999; never this port
profile   no profile is in force
name      italk (Italk Chat System): assigned by IANA; a user port (1024-49151)
systems   outside the ephemeral range of linux, android, netbsd, macos, windows, solaris, aix
          inside that of freebsd; openbsd, zos (rare); irix, vos-stcp-old (past)
`,
    );
  });
});

function ip(text: string) {
  return parseIp(text) ?? assert.fail(text);
}

function socket(changes: Partial<OpenSocket>): OpenSocket {
  return {
    protocol: 'tcp',
    state: 'LISTEN',
    local: { address: ip('::'), port: 8080 },
    remote: undefined,
    v6Only: false,
    interfaceIndex: 0,
    uid: 1000,
    inode: 1,
    cgroupId: undefined,
    expiresMs: undefined,
    ...changes,
  };
}

test('lists sockets with their owners, servers first, and counts further sockets', async () => {
  const remote = { address: ip('2001:db8::9'), port: 443 };
  const connection = socket({ state: 'ESTABLISHED', remote });
  const open = [
    connection,
    socket({ v6Only: true }),
    socket({ state: 'TIME_WAIT', uid: undefined, inode: 0, remote, expiresMs: 59_950 }),
    socket({ state: 'ESTABLISHED', uid: undefined, inode: 0, remote }),
    ...Array.from({ length: 10 }, () => connection),
    socket({ state: 'CLOSE_WAIT', remote }),
  ];
  assert.deepEqual(under('held by', await reported(8080, ['tcp'], { open })), [
    'LISTEN [::]:8080 (IPv6 only): a program of user alice',
    'ESTABLISHED [::]:8080 to [2001:db8::9]:443: a program of user alice',
    'TIME_WAIT [::]:8080 to [2001:db8::9]:443: no process, 60 s left',
    'ESTABLISHED [::]:8080 to [2001:db8::9]:443: not accepted yet',
    'ESTABLISHED [::]:8080 to [2001:db8::9]:443: a program of user alice',
    'and 9 more ESTABLISHED, 1 more CLOSE_WAIT',
  ]);
});

test('TCP and UDP share a line if it is the same for both', async () => {
  const open = [socket({}), socket({ state: 'ESTABLISHED', remote: { address: ip('::1'), port: 9 } })];
  const text = await reported(8080, ['tcp', 'udp'], { open });
  assert.match(text, /^8080\/tcp is in use by a program of user alice\.\n {2}Stop it\.\n {2}Or use .*\n/);
  assert.match(text, /\n8080\/udp is free\.\n\n/);
  assert.deepEqual(under('held by', text), [
    'tcp: LISTEN [::]:8080: a program of user alice',
    'tcp: ESTABLISHED [::]:8080 to [::1]:9: a program of user alice',
    'udp: no socket',
  ]);
  assert.deepEqual(under('you', text), ['user alice, job ALICE: may bind it']);
});

test('connections of a server probably do not conflict with it, those of a client probably do', async () => {
  const waits = (port: number) =>
    socket({
      state: 'TIME_WAIT',
      uid: undefined,
      inode: 0,
      local: { address: ip('127.0.0.1'), port },
      remote: { address: ip('127.0.0.1'), port: 9 },
      expiresMs: 1000,
    });
  assert.match(
    await reported(8080, ['tcp'], { open: [waits(8080)] }),
    /^could not tell whether 8080\/tcp can be bound \(probably yes\): in use by a closed connection to /,
  );
  assert.match(
    await reported(40_000, ['tcp'], { open: [waits(40_000)] }),
    /^could not tell whether 40000\/tcp can be bound \(probably not\): in use by a closed connection to /,
  );
});

test('states that permission is denied', async () => {
  const profile = 'PORT 8080 TCP WEB\n';
  assert.match(
    await reported(8080, ['tcp'], { profile }),
    /^8080\/tcp: permission denied: reserved for another job by profile\.tcpip:1, and your job is ALICE; /,
  );
});

test('addresses with the same outcome share a line', async () => {
  const open = [socket({ state: 'BOUND', local: { address: ip('127.0.0.2'), port: 8080 } })];
  assert.deepEqual(under('server', await reported(8080, ['tcp'], { open })), [
    'on 0.0.0.0, ::, 127.0.0.2: in use, unless both sockets set SO_REUSEADDR or SO_REUSEPORT',
    'on :: with IPV6_V6ONLY, 127.0.0.1, ::1, another IPv4 address, another IPv6 address: free',
  ]);
});

test('states whether the port is ephemeral, and the order in which it is assigned', async () => {
  const ephemeral = async (port: number, protocol: Protocol, changes: HostOptions = {}) =>
    under('ephemeral', await reported(port, [protocol], changes)).join();
  assert.match(await ephemeral(32_768, 'tcp'), /at any moment; connect\(2\) tries it in its first pass/);
  assert.match(await ephemeral(32_769, 'tcp'), /; bind\(2\) to port 0 tries it in its first pass/);
  assert.match(await ephemeral(32_769, 'udp'), /^range 32768-60999; the kernel can .* at any moment$/);
  assert.match(await ephemeral(61_000, 'udp'), /; never this port$/);
});

test('lists the statements of the profile, and the mode of the guard', async () => {
  const profile = 'PORT 8080 TCP WEB\n';
  const of = async (changes: HostOptions) =>
    under('profile', await reported(8080, ['tcp'], { profile, ...changes }));
  assert.deepEqual(await of({}), ['8080 TCP WEB (profile.tcpip:1)', 'the guard enforces the profile']);
  assert.deepEqual(await of({ guard: async () => 'off' }), [
    '8080 TCP WEB (profile.tcpip:1)',
    'the guard is off',
  ]);
  assert.deepEqual(under('profile', await reported(81, ['tcp'], { profile, guard: async () => 'observe' })), [
    'not reserved; the guard only observes',
  ]);
});

test('lists refusals with job, user, program, count, and statement', async () => {
  const events = async () => [
    refusal(1),
    refusal(2),
    refusal(3, { verdict: 'observed', user: null, uid: 7 }),
  ];
  const lines = under('refused', await reported(8080, ['tcp'], { events }));
  assert.match(
    lines[0] ?? '',
    /^job ALICE, user uid 7, httpd: once \(only observed\), last \S+ \S+ \(profile\.tcpip:1\)$/,
  );
  assert.match(lines[1] ?? '', /^job ALICE, user alice, httpd: 2 times, last \S+ \S+ \(profile\.tcpip:1\)$/);
});

test('escapes control characters in the name of a process', async () => {
  const events = async () => [refusal(1, { command: '\x1b[2Jx' })];
  assert.ok(!(await reported(8080, ['tcp'], { events })).includes('\x1b'));
});

test('wraps lines to the width of a terminal', async () => {
  const text = await reported(12_345, ['tcp'], {}, { ...WIDE, columns: 50 });
  assert.ok(text.split('\n').every((line) => line.length <= 50));
  assert.ok(text.includes('\n          '));
});
