// Listenable addresses: every unicast address, including the first and last of each block.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '../../test/support/service.ts';
import { isListenableAddress, whyNotListen } from './listenable.ts';

// RFC 5771: multicast is 224.0.0.0/4; RFC 1112 reserves 240.0.0.0/4 ("class E"), which Linux treats as unicast.
const UNICAST = ['0.0.0.0', '127.0.0.1', '223.255.255.255', '240.0.0.0', '240.0.0.1', '255.255.255.254'];
const UNICAST6 = ['::', '::1', '2001:db8::1', 'fe00::1', 'fec0::1'];

test('accepts unicast addresses, including 240.0.0.0/4', () => {
  for (const text of [...UNICAST, ...UNICAST6]) assert.equal(whyNotListen(ip(text)), undefined, text);
});

const REFUSED: Record<string, RegExp> = {
  '224.0.0.0': /multicast/,
  '239.255.255.255': /multicast/,
  'ff02::1': /multicast/,
  'fe80::1': /link-local/,
  'febf::1': /link-local/,
  '::ffff:192.0.2.1': /IPv4/,
};

test('refuses multicast, link-local, and IPv4-mapped addresses with a reason', () => {
  for (const [text, why] of Object.entries(REFUSED)) {
    assert.match(whyNotListen(ip(text)) ?? '', why, text);
    assert.equal(isListenableAddress(text), false);
  }
});
