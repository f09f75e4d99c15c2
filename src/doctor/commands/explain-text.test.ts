// An explanation as people see it. The two ports are the examples of Stratus's guide to choosing ports.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../../test/support/captured-io.ts';
import { explainHost, type HostWords, refusal } from '../../../test/support/explain-host.ts';
import { parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import { explain } from '../app/explain.ts';
import { explanationText } from './explain-text.ts';

const WIDE = { columns: 100, env: { NO_COLOR: '1' } };

async function reported(
  port: number,
  protocols: readonly Protocol[],
  words: HostWords = {},
  surroundings = {},
) {
  return explanationText(capturedIo(surroundings), await explain(port, protocols, explainHost(words)));
}

/** The lines under a label. */
function under(label: string, text: string): string[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith(label.padEnd(10)));
  const end = lines.findIndex((line, at) => at > first && !line.startsWith(' '));
  return first < 0 ? [] : lines.slice(first, end).map((line) => line.slice(10));
}

describe('the examples of the guide', () => {
  test('1030: TCP_OS gives it to clients, and the systems of today do not', async () => {
    assert.equal(
      await reported(1030, ['tcp', 'udp'], {}, WIDE),
      `1030/tcp and 1030/udp can be had: nobody has it.

held by   nobody
server    on every address: free
you       user alice, job ALICE: may bind it
root      user root, job ROOT: may bind it
clients   are given 32768 to 60999 by the kernel, never this port
profile   none was applied
name      assigned to nobody: IANA keeps it back; in the range of registered ports (1024 to 49151)
systems   safe from clients on linux, android, freebsd, netbsd, macos, windows, solaris, aix
          tcp: given to clients by openbsd, zos (rarely met); windows-2003, ftserver, linux-2.2,
          bsd, irix, vos-tcp-os, ftx-3.3 (of the past)
          udp: given to clients by openbsd, zos (rarely met); windows-2003, ftserver, linux-2.2,
          bsd, irix, vos-tcp-os, vos-stcp-old, ftx-3.3 (of the past)
`,
    );
  });

  test('12345: STCP once gave it to clients, and FreeBSD does', async () => {
    assert.equal(
      await reported(12_345, ['tcp', 'udp'], {}, WIDE),
      `12345/tcp and 12345/udp can be had: nobody has it.

held by   nobody
server    on every address: free
you       user alice, job ALICE: may bind it
root      user root, job ROOT: may bind it
clients   are given 32768 to 60999 by the kernel, never this port
profile   none was applied
name      italk (Italk Chat System): assigned by IANA; in the range of registered ports (1024 to
          49151)
systems   safe from clients on linux, android, netbsd, macos, windows, solaris, aix
          given to clients by freebsd; openbsd, zos (rarely met); irix, vos-stcp-old (of the past)
`,
    );
  });
});

function ip(text: string) {
  return parseIp(text) ?? assert.fail(text);
}

function socket(words: Partial<OpenSocket>): OpenSocket {
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
    ...words,
  };
}

test('sockets are told with whose they are, servers first, and of many how many', async () => {
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
    'TIME_WAIT [::]:8080 to [2001:db8::9]:443: nobody any more, 60 s left',
    'ESTABLISHED [::]:8080 to [2001:db8::9]:443: nobody has accepted it yet',
    'ESTABLISHED [::]:8080 to [2001:db8::9]:443: a program of user alice',
    'and 9 more ESTABLISHED, 1 more CLOSE_WAIT',
  ]);
});

test('TCP and UDP have one line where the same is to be said, and one each where not', async () => {
  const open = [socket({}), socket({ state: 'ESTABLISHED', remote: { address: ip('::1'), port: 9 } })];
  const text = await reported(8080, ['tcp', 'udp'], { open });
  assert.match(
    text,
    /^8080\/tcp is taken: a program of user alice listens\.\n {2}Stop it\.\n {2}Or take .*\n/,
  );
  assert.match(text, /\n8080\/udp can be had: nobody has it\.\n\n/);
  assert.deepEqual(under('held by', text), [
    'tcp: LISTEN [::]:8080: a program of user alice',
    'tcp: ESTABLISHED [::]:8080 to [::1]:9: a program of user alice',
    'udp: nobody',
  ]);
  assert.deepEqual(under('you', text), ['user alice, job ALICE: may bind it']);
});

test('connections that a server has left are probably not in its way, those of a client are', async () => {
  const waits = (port: number) =>
    socket({
      state: 'TIME_WAIT',
      uid: undefined,
      inode: 0,
      local: { address: ip('127.0.0.1'), port },
      remote: { address: ip('127.0.0.1'), port: 9 },
      expiresMs: 1000,
    });
  assert.match(await reported(8080, ['tcp'], { open: [waits(8080)] }), /^8080\/tcp can probably be had: /);
  assert.match(await reported(40_000, ['tcp'], { open: [waits(40_000)] }), /^40000\/tcp is probably taken: /);
});

test('places of which the same is to be said share a line', async () => {
  const open = [socket({ state: 'BOUND', local: { address: ip('127.0.0.2'), port: 8080 } })];
  assert.deepEqual(under('server', await reported(8080, ['tcp'], { open })), [
    'on 0.0.0.0, ::, 127.0.0.2: taken, unless both sides have SO_REUSEADDR or SO_REUSEPORT set',
    'on :: with IPV6_V6ONLY, 127.0.0.1, ::1, another IPv4 address, another IPv6 address: free',
  ]);
});

test('clients are told in which order they get a port, and when they do not', async () => {
  const clients = async (port: number, protocol: Protocol, words: HostWords = {}) =>
    under('clients', await reported(port, [protocol], words)).join();
  assert.match(await clients(32_768, 'tcp'), /at any moment.*; connect\(2\) takes it in its first half/);
  assert.match(await clients(32_769, 'tcp'), /; bind\(2\) to port 0 takes it in its first half/);
  assert.match(await clients(32_769, 'udp'), /32768 to 60999, in no order$/);
  assert.match(await clients(61_000, 'udp'), /by the kernel, never this port$/);
});

test('the profile is told with its statements, and with what the guard does', async () => {
  const profile = 'PORT 8080 TCP WEB\n';
  const of = async (words: HostWords) =>
    under('profile', await reported(8080, ['tcp'], { profile, ...words }));
  assert.deepEqual(await of({}), ['8080 TCP WEB (profile.tcpip:1)', 'the guard enforces the profile']);
  assert.deepEqual(await of({ guard: async () => 'off' }), [
    '8080 TCP WEB (profile.tcpip:1)',
    'no guard enforces a profile',
  ]);
  assert.deepEqual(under('profile', await reported(81, ['tcp'], { profile, guard: async () => 'observe' })), [
    'reserves it for nobody; the guard only observes',
  ]);
});

test('refusals are told with who was refused, how often, and by which statement', async () => {
  const events = async () => [
    refusal(1),
    refusal(2),
    refusal(3, { verdict: 'observed', user: null, uid: 7 }),
  ];
  const lines = under('refused', await reported(8080, ['tcp'], { events }));
  assert.match(
    lines[0] ?? '',
    /^job ALICE, user uid 7, httpd: once, would have been, last \S+ \S+ \(profile\.tcpip:1\)$/,
  );
  assert.match(lines[1] ?? '', /^job ALICE, user alice, httpd: 2 times, last \S+ \S+ \(profile\.tcpip:1\)$/);
});

test('a name of a process cannot take control of the terminal', async () => {
  const events = async () => [refusal(1, { command: '\x1b[2Jx' })];
  assert.ok(!(await reported(8080, ['tcp'], { events })).includes('\x1b'));
});

test('on a terminal lines are broken between words, as far as they can be', async () => {
  const text = await reported(12_345, ['tcp'], {}, { ...WIDE, columns: 50 });
  assert.ok(text.split('\n').every((line) => line.length <= 50));
  assert.ok(text.includes('\n          '));
});
