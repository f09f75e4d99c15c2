// Every command parses ports in the same way: one list of spellings is tested against all of them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { workspace } from '../../../test/support/profile-workspace.ts';
import { PORTS_REQUESTED_MAX } from '../../base/limits.ts';
import { readText } from '../../host/linux/files.ts';
import { portmapSettings } from '../../portmap/app/settings.ts';
import { serviceNames } from '../app/service-names.ts';
import { expandPorts } from './port-arguments.ts';

/** A feature of a spelling, and of what a command accepts. */
type Feature = 'colon' | 'no protocol' | 'protocol' | 'range' | 'zero';

const LEGAL: Readonly<Record<string, readonly Feature[]>> = {
  '1': ['no protocol'],
  '80': ['no protocol'],
  '65535': ['no protocol'],
  ':80': ['no protocol', 'colon'],
  '80/tcp': ['protocol'],
  '80/TCP': ['protocol'],
  'tcp/80': ['protocol'],
  'Udp/53': ['protocol'],
  ':80/tcp': ['protocol', 'colon'],
  ssh: ['no protocol'],
  'ssh/tcp': ['protocol'],
  'TCP/ssh': ['protocol'],
  '8000-8010': ['no protocol', 'range'],
  '8000-8010/tcp': ['protocol', 'range'],
  'udp/8000-8010': ['protocol', 'range'],
  '0': ['no protocol', 'zero'],
  '0/tcp': ['protocol', 'zero'],
};

const ILLEGAL = [
  ...['', '080', '00', '65536', '99999999999', '0x50', '1e3', '8.0', ' 80', '80,443', '８０'],
  ...['80/', '/tcp', '80/sctp', '80/tcp/', '80/tcp/udp', 'tcp/080', '65536/udp', '080/tcp'],
  ...['8010-8000', '8000-', '8000-8010-8020', '8000-65536', '08-9', '8010-8000/tcp'],
  ...['htpp', 'SSH', 'ssh/udp', 'nosuch/tcp'],
];

/** A command that takes a port, the features that it accepts, and its error message. */
interface PortCommand {
  readonly takes: readonly Feature[];
  readonly args: (port: string) => readonly string[];
  readonly refusal?: RegExp;
}

const ANY: readonly Feature[] = ['colon', 'no protocol', 'protocol', 'range'];

const COMMANDS: Readonly<Record<string, PortCommand>> = {
  ports: { takes: ANY, args: (port) => ['ports', port] },
  who: { takes: ANY, args: (port) => ['who', port] },
  explain: { takes: ANY, args: (port) => ['explain', port, '--state', '@state'] },
  events: { takes: [...ANY, 'zero'], args: (port) => ['events', '--port', port, '--state', '@state'] },
  decide: {
    takes: ['colon', 'protocol', 'range', 'zero'],
    args: (port) => ['decide', 'WEB', port, '--profile', '@p'],
  },
  'suggest --near': { takes: ['colon', 'no protocol'], args: (port) => ['suggest', '--near', port] },
  'portmap set': {
    takes: ['colon', 'no protocol'],
    args: (port) => ['portmap', 'set', 'mountd', '3', 'tcp', port, '--socket', '/run/none', '--dry-run'],
    refusal: /is not an address of tcp\n/,
  },
  'portmap set ADDRESS:PORT': {
    takes: ['no protocol'],
    args: (port) => [
      'portmap',
      'set',
      'mountd',
      '3',
      'tcp6',
      `[::1]:${port}`,
      '--socket',
      '/run/none',
      '--dry-run',
    ],
    refusal: /is not an address of tcp6\n/,
  },
  'portmap find HOST:PORT': {
    takes: ['no protocol'],
    args: (port) => ['portmap', 'find', 'mountd', `127.0.0.1:${port}`, '--timeout', '1ms'],
    refusal: /is not a (port|host)(:|\n)/,
  },
};

const isKnown = serviceNames({ readText }).portOf('ssh', 'tcp') === 22;
const NAMES = { skip: isKnown ? false : '/etc/services does not have ssh' };

describe('a port is parsed in the same way by', () => {
  for (const [name, { takes, args, refusal = /"[^"]*" is not a port/ }] of Object.entries(COMMANDS)) {
    const isTaken = (features: readonly Feature[]) => features.every((feature) => takes.includes(feature));
    test(name, NAMES, async (t) => {
      const { runWith } = workspace(t, { p: '; none\n' });
      for (const [text, features] of Object.entries(LEGAL)) {
        const { code, stderr } = await runWith(args(text));
        if (isTaken(features)) assert.notEqual(code, 2, `${text}: ${stderr}`);
        else assert.deepEqual([code, refusal.test(stderr)], [2, true], `${text}: ${stderr}`);
      }
      for (const text of ILLEGAL) {
        const { code, stdout, stderr } = await runWith(args(text));
        assert.deepEqual([code, stdout], [2, ''], text);
        assert.match(stderr, refusal, text);
      }
    });
  }

  test('serve --port', NAMES, () => {
    const services = () => serviceNames({ readText });
    const context = { runtime: '/run/portreeve', uid: 0, inherited: [], services };
    const portOf = (port: string) => portmapSettings({}, { ...context, options: { port } }).port;
    const isTaken = (features: readonly Feature[]) =>
      !features.some((feature) => ['protocol', 'range', 'zero'].includes(feature));
    for (const [text, features] of Object.entries(LEGAL)) {
      if (isTaken(features)) assert.ok(portOf(text) > 0, text);
      else assert.throws(() => portOf(text), { code: 'PORT_INVALID' }, text);
    }
    for (const text of ILLEGAL) assert.throws(() => portOf(text), { code: 'PORT_INVALID' }, text);
  });
});

describe('several ports', () => {
  test('are decided one by one, and the exit code is the highest', async (t) => {
    const { run } = workspace(t, { p: 'PORT 80 TCP WEB\n     443 TCP RESERVED\n' });
    const decide = (ports: string) => run(`decide WEB ${ports} --profile @p --low-ports yes`);
    assert.equal((await decide('80/tcp 8000-8001/tcp')).code, 0);
    const mixed = await decide('80/tcp 443/tcp');
    assert.equal(mixed.code, 1);
    assert.match(mixed.stdout, /^allowed: 80\/tcp .*\n[\s\S]*\n\ndenied: 443\/tcp /);
    const { stdout } = await decide('443/tcp 80/tcp --json');
    assert.deepEqual(
      JSON.parse(stdout).decisions.map(
        ({ allowed, request }: { allowed: boolean; request: { port: number } }) => [request.port, allowed],
      ),
      [
        [443, false],
        [80, true],
      ],
    );
  });

  test('have a line each in who, and are listed in its JSON', async (t) => {
    const { run } = workspace(t);
    const { code, stdout } = await run('who 1-2/udp TCP/3');
    assert.equal(code, 1);
    assert.equal(stdout, '1/udp is not in use\n2/udp is not in use\n3/tcp is not in use\n');
    const { results, inUse, ports } = JSON.parse((await run('who 1-2 tcp/3 --json')).stdout);
    assert.deepEqual(results, [
      { port: 1, protocol: null, inUse: false },
      { port: 2, protocol: null, inUse: false },
      { port: 3, protocol: 'tcp', inUse: false },
    ]);
    assert.deepEqual([inUse, ports], [false, []]);
    assert.equal(JSON.parse((await run('who 1 --json')).stdout).port, 1);
  });

  test('have an explanation for each protocol in explain', async (t) => {
    const { run, state } = workspace(t);
    const { stdout } = await run(`explain 9/udp 9 8000-8001/tcp --state ${state} --json`);
    const { port, explanations } = JSON.parse(stdout);
    assert.equal(port, undefined);
    assert.deepEqual(
      explanations.map((one: { port: number; protocol: string }) => `${one.port}/${one.protocol}`),
      ['9/tcp', '9/udp', '8000/tcp', '8001/tcp'],
    );
    assert.match(
      (await run(`explain 8000-8001/tcp --state ${state}`)).stdout,
      /^8000\/tcp [\s\S]*\n\n8001\/tcp /,
    );
  });

  test('are limited, counting each port of a range except in ports and events', async (t) => {
    const { run } = workspace(t, { p: '; none\n' });
    const last = 8000 + PORTS_REQUESTED_MAX;
    assert.equal(expandPorts([`8001-${last}`]).length, PORTS_REQUESTED_MAX);
    for (const command of ['explain', 'who', 'decide WEB --profile @p'])
      assert.match(
        (await run(`${command} 8000-${last}/tcp`)).stderr,
        /^portreeve: error\[\w+\]: \d+ ports are too many\n/,
      );
    assert.notEqual((await run('ports 1-65535')).code, 2);
    const words = Array.from({ length: PORTS_REQUESTED_MAX + 1 }, (_, i) => `${i + 1}`);
    assert.equal((await run(`ports ${words.join(' ')}`)).code, 2);
    assert.equal((await run(`events ${words.map((word) => `--port ${word}`).join(' ')}`)).code, 2);
  });
});
