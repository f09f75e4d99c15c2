// Tests which UDP ports a profile lets others than root bind, whatever Linux asks for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { profileOf } from '../../../test/support/guard.ts';
import { grantedPorts } from './granted.ts';

const CASES: Record<string, [profile: string, udp: string[]]> = {
  'nothing said': ['', []],
  'a port for a job': ['PORT 700 UDP WEB', ['700-700']],
  'a range for a job, and for everybody': [
    'PORTRANGE 700 10 UDP WEB\nPORT 800 UDP *\nPORT 801 UDP OMVS',
    ['700-709', '800-800', '801-801'],
  ],
  'a port of TCP': ['PORT 700 TCP WEB', []],
  'a port for nobody': ['PORT 700 UDP RESERVED', []],
  'low ports that are restricted': ['UDPCONFIG RESTRICTLOWPORTS\nPORT 700 UDP WEB', ['700-700']],
  'low ports that are not': ['UDPCONFIG UNRESTRICTLOWPORTS', ['1-65535']],
  'low ports of TCP that are not': ['TCPCONFIG UNRESTRICTLOWPORTS', []],
};

for (const [name, [text, expected]] of Object.entries(CASES)) {
  test(`${name}: ${expected.join(', ') || 'none'}`, () => {
    const spans = grantedPorts(profileOf(text), 'udp').map(({ first, last }) => `${first}-${last}`);
    assert.deepEqual(spans.sort(), expected);
  });
}
