// services(5): valid and malformed lines, and finding names and ports.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SERVICE_LINE_MAX_CHARACTERS, SERVICES_MAX_CHARACTERS } from '../../base/limits.ts';
import { parseServices, readServices, ServiceNames } from './services.ts';

describe('a line', () => {
  // services(5): service-name port/protocol [aliases ...]
  test('has a name, a port, a protocol, and aliases', () => {
    assert.deepEqual(parseServices('# ports\n\nhttp\t80/TCP  www www-http # the web\n'), [
      { name: 'http', port: 80, protocol: 'tcp', aliases: ['www', 'www-http'], line: 3 },
    ]);
  });

  test('may end in a carriage return and have any protocol', () => {
    const [entry] = parseServices('rtmp 1/ddp\r\n');
    assert.deepEqual([entry?.name, entry?.port, entry?.protocol, entry?.aliases], ['rtmp', 1, 'ddp', []]);
  });

  const malformed: readonly [string, RegExp][] = [
    ['http', /PORT\/PROTOCOL is missing/],
    ['http 80', /"80" is not PORT\/PROTOCOL/],
    ['http tcp/80', /"tcp\/80" is not PORT\/PROTOCOL/],
    ['http 0/tcp', /a port from 1 to 65535/],
    ['http 65536/tcp', /a port from 1 to 65535/],
    ['http 0x50/tcp', /a port from 1 to 65535/],
    ['http -80/tcp', /a port from 1 to 65535/],
    ['http 80/', /does not have a protocol/],
    ['http 80/tcp/x', /does not have a protocol/],
    ['ht\u001b[2Jtp 80/tcp', /control characters/],
    [`http 80/tcp ${'x'.repeat(SERVICE_LINE_MAX_CHARACTERS)}`, /at most 4096 characters/],
  ];
  for (const [line, problem] of malformed) {
    test(`"${line.slice(0, 20)}" is reported with its line number, and the lines around it are read`, () => {
      const read = readServices(`a 1/tcp\n${line}\nb 65535/udp\n`);
      assert.deepEqual(
        read.entries.map(({ name, line }) => [name, line]),
        [
          ['a', 1],
          ['b', 3],
        ],
      );
      assert.equal(read.malformed.length, 1);
      assert.equal(read.malformed[0]?.line, 2);
      assert.match(read.malformed[0]?.problem ?? '', problem);
      assert.ok((read.malformed[0]?.text.length ?? 0) <= 80);
    });
  }
});

test('cuts a text that is too long at a line, and reports it', () => {
  const line = `${'x'.repeat(60)} 80/tcp\n`;
  const count = Math.floor(SERVICES_MAX_CHARACTERS / line.length);
  const { entries, malformed } = readServices(line.repeat(count + 2));
  assert.equal(entries.length, count);
  assert.match(malformed[0]?.problem ?? '', /is read only up to/);
  assert.deepEqual(readServices(line.repeat(count)).malformed, []);
});

test('reports the first 100 malformed lines', () => {
  assert.equal(readServices('x\n'.repeat(1000)).malformed.length, 100);
});

test('each line of any text is an entry, malformed, or empty', () => {
  const unit = fc.constantFrom('a', '1', '8', '0', '/', 'tcp', ' ', '\t', '#', '\n', '\r', '\0', 'é');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
      const { entries, malformed } = readServices(text);
      const lines = [...entries, ...malformed].map(({ line }) => line);
      assert.equal(new Set(lines).size, lines.length);
      for (const { name, port, protocol, aliases, line } of entries) {
        const again = parseServices([name, `${port}/${protocol}`, ...aliases].join(' '));
        assert.deepEqual(again, [{ name, port, protocol, aliases, line: 1 }]);
        assert.ok(line <= text.split('\n').length);
      }
    }),
  );
});

describe('names', () => {
  const names = new ServiceNames(
    parseServices('www 80/tcp http\nother 80/tcp\nwww 80/udp\nhttp 8080/tcp\nhttp 80/sctp http\n'),
  );

  test('of a port: nameOf() returns the first, entriesOf() all', () => {
    assert.equal(names.nameOf(80, 'tcp'), 'www');
    assert.deepEqual(
      names.entriesOf(80, 'tcp').map(({ name }) => name),
      ['www', 'other'],
    );
    assert.equal(names.nameOf(80, 'dccp'), undefined);
    assert.deepEqual(names.entriesOf(81, 'tcp'), []);
  });

  test('entriesNamed() returns every line with a name or alias', () => {
    const ports = (name: string, protocol?: string) =>
      names.entriesNamed(name, protocol).map(({ port, protocol }) => `${port}/${protocol}`);
    assert.deepEqual(ports('http'), ['80/tcp', '8080/tcp', '80/sctp']);
    assert.deepEqual(ports('http', 'tcp'), ['80/tcp', '8080/tcp']);
    assert.deepEqual(ports('nothing'), []);
    assert.deepEqual(ports('constructor'), []);
  });

  // getservbyname(3), for the protocols that have ports here.
  test('portOf() returns the port of the first line with a name or alias', () => {
    const more = new ServiceNames(parseServices('a 1/sctp\na 2/udp b\na 3/tcp b\n'));
    assert.deepEqual(
      [more.portOf('a', undefined), more.portOf('a', 'tcp'), more.portOf('b', 'udp')],
      [2, 3, 2],
    );
    assert.equal(more.portOf('A', undefined), undefined);
    assert.equal(names.portOf('http', 'udp'), undefined);
    assert.deepEqual(more.names, ['a', 'b']);
  });
});
