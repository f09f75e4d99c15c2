// Tests which UDP ports a profile grants without CAP_NET_BIND_SERVICE.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf } from '../../../test/support/guard.ts';
import { grantedPorts } from './granted.ts';

const CASES: Record<string, [profile: string, udp: string[]]> = {
  'an empty profile': ['', []],
  'a port for a job': ['PORT 700 UDP WEB', ['700-700']],
  'a range for a job, and ports for every job': [
    'PORTRANGE 700 10 UDP WEB\nPORT 800 UDP *\nPORT 801 UDP OMVS',
    ['700-709', '800-800', '801-801'],
  ],
  'a port of TCP': ['PORT 700 TCP WEB', []],
  'a RESERVED port': ['PORT 700 UDP RESERVED', []],
  'restricted low ports': ['UDPCONFIG RESTRICTLOWPORTS\nPORT 700 UDP WEB', ['700-700']],
  'unrestricted low ports': ['UDPCONFIG UNRESTRICTLOWPORTS', ['1-65535']],
  'unrestricted low ports of TCP': ['TCPCONFIG UNRESTRICTLOWPORTS', []],
};

for (const [name, [text, expected]] of Object.entries(CASES)) {
  test(`${name}: ${expected.join(', ') || 'none'}`, () => {
    const spans = grantedPorts(profileOf(text), 'udp').map(({ first, last }) => `${first}-${last}`);
    assert.deepEqual(spans.sort(), expected);
  });
}
