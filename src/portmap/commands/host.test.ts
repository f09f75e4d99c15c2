// Tests the syntax of the HOST argument and of --timeout.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePortmapHost, parseTimeout } from './host.ts';

describe('hosts', () => {
  const ip = (host: string, port = 111) => ({ kind: 'ip', host, port });
  const good: Record<string, object> = {
    'nfs.example.org': ip('nfs.example.org'),
    'nfs.example.org:7111': ip('nfs.example.org', 7111),
    under_score: ip('under_score'),
    'bücher.example': ip('bücher.example'),
    '192.0.2.7': ip('192.0.2.7'),
    '192.0.2.7:1': ip('192.0.2.7', 1),
    'nfs:sunrpc': ip('nfs', 111),
    '192.0.2.7:65535': ip('192.0.2.7', 65535),
    '::1': ip('::1'),
    '[::1]': ip('::1'),
    '[::1]:7111': ip('::1', 7111),
    'fe80::1%eth0': ip('fe80::1%eth0'),
    '[fe80::1%eth0]:7111': ip('fe80::1%eth0', 7111),
    '/run/rpcbind.sock': { kind: 'local', path: '/run/rpcbind.sock' },
    '@/run/rpcbind.sock': { kind: 'local', path: '@/run/rpcbind.sock' },
  };
  for (const [text, expected] of Object.entries(good)) {
    test(text, () => assert.deepEqual(parsePortmapHost(text), expected));
  }

  const bad = [
    '',
    ' ',
    'a b',
    '-a',
    '[nfs]',
    '[192.0.2.7]',
    '[::1',
    '::1]',
    '::1::',
    '[::1]x',
    'a\nb',
    '192.0.2.7%eth0',
    'nfs::80',
  ];
  for (const text of bad) {
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(() => parsePortmapHost(text), { code: 'HOST_INVALID', kind: 'usage' });
    });
  }

  for (const text of [
    'nfs:',
    'nfs:0',
    'nfs:65536',
    'nfs:080',
    'nfs:80/tcp',
    'nfs:80-81',
    'nfs:0x6f',
    'nfs: 111',
    '[::1]:',
    '[::1]:+1',
  ]) {
    test(`${JSON.stringify(text)} has no port`, () => {
      assert.throws(() => parsePortmapHost(text), { code: 'PORT_INVALID', kind: 'usage' });
    });
  }
});

test('a timeout is a duration, five seconds by default', () => {
  const texts = [undefined, '1', '3600', '1s', '500ms', '1h'];
  assert.deepEqual(texts.map(parseTimeout), [5000, 1000, 3_600_000, 1000, 500, 3_600_000]);
  for (const text of ['', '0', '3601', '1.5', '-1', '0s', '61m']) {
    assert.throws(() => parseTimeout(text), { code: 'DURATION_INVALID', kind: 'usage' }, text);
  }
});
