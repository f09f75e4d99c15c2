// The ports query: its encoding as a path, and the sockets that it selects.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ip } from '../../../test/support/service.ts';
import { SimOpenSockets } from '../../../test/support/sim/open-sockets.ts';
import { parsePortRange, type RequestedPorts } from '../../base/port.ts';
import { readPorts } from './ports-answer.ts';
import { type PortsClient, type PortsQuery, parsePortsPath, portsPath } from './ports-query.ts';

describe('a query', () => {
  const words = fc
    .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 0, max: 100 }))
    .chain(([first, more]) =>
      fc
        .constantFrom('tcp' as const, 'udp' as const, undefined)
        .map((protocol): RequestedPorts => ({ first, last: Math.min(first + more, 65535), protocol })),
    );
  const query = fc.record<PortsQuery>({
    which: fc.constantFrom('listening', 'holding', 'all'),
    ports: fc.array(words, { maxLength: 4 }),
    owner: fc.option(fc.string(), { nil: undefined }),
  });
  const width = fc.option(fc.integer({ min: 0, max: 65535 }), { nil: undefined });
  const client = fc.record<PortsClient>({
    net: fc.option(fc.string(), { nil: undefined }),
    pid: fc.option(fc.string(), { nil: undefined }),
    table: fc.option(
      fc.tuple(width, fc.boolean()).map(([wide, isBold]) => ({ width: wide, isBold })),
      {
        nil: undefined,
      },
    ),
  });

  test('is unchanged after encoding and decoding', () => {
    fc.assert(
      fc.property(query, client, (written, who) => {
        assert.deepEqual(parsePortsPath(portsPath(written, who)), { query: { ...written }, ...who });
      }),
    );
  });

  test('without parameters selects every socket that holds a port', () => {
    assert.deepEqual(parsePortsPath('/v1/ports'), {
      query: { which: 'holding', ports: [], owner: undefined },
      ...{ net: undefined, pid: undefined, table: undefined },
    });
  });

  test('with an unknown parameter or an invalid value is refused', () => {
    assert.match(
      `${parsePortsPath('/v1/ports?port=80')}`,
      /^unknown parameter port; known parameters: which, ports/,
    );
    for (const [key, value] of [
      ['which', 'some'],
      ['ports', '80,'],
      ['as', 'text'],
      ['width', '-1'],
      ['bold', '0'],
    ]) {
      assert.equal(parsePortsPath(`/v1/ports?${key}=${value}`), `invalid value "${value}" for ${key}`);
    }
    assert.match(`${parsePortsPath('/v1/ports?__proto__=1')}`, /^unknown parameter/);
  });
});

test('selects sockets by state and by port', () => {
  const sockets = new SimOpenSockets();
  const add = (
    protocol: 'tcp' | 'udp',
    state: 'LISTEN' | 'BOUND' | 'ESTABLISHED' | 'UNCONNECTED',
    port: number,
  ) => sockets.open({ protocol, state, local: { address: ip('::1'), port } });
  add('tcp', 'LISTEN', 80);
  add('tcp', 'BOUND', 81);
  add('tcp', 'ESTABLISHED', 82);
  add('udp', 'UNCONNECTED', 80);
  add('udp', 'ESTABLISHED', 83);
  const deps = { sockets, cgroups: undefined, files: { readText: () => undefined, names: () => [] } };
  const seen = (which: PortsQuery['which'], ...words: string[]) =>
    readPorts(deps, { which, ports: words.map((word) => parsePortRange(word)) }).sockets.map(
      ({ socket: { protocol, local } }) => `${local.port}/${protocol}`,
    );
  assert.deepEqual(seen('listening'), ['80/tcp', '80/udp']);
  assert.deepEqual(seen('holding'), ['80/tcp', '81/tcp', '80/udp']);
  assert.deepEqual(seen('all'), ['80/tcp', '81/tcp', '82/tcp', '80/udp', '83/udp']);
  assert.deepEqual(seen('all', '80'), ['80/tcp', '80/udp']);
  assert.deepEqual(seen('all', '80/udp'), ['80/udp']);
  assert.deepEqual(seen('all', '81-83'), ['81/tcp', '82/tcp', '83/udp']);
  assert.deepEqual(seen('all', '80/udp', '81/tcp'), ['81/tcp', '80/udp']);
});
