// Tests that profiles are compared by meaning, not by text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProfile } from '../text/parse.ts';
import { buildProfile } from './build.ts';
import { diffProfiles } from './diff.ts';
import type { Profile } from './rules.ts';

const profile = (text: string): Profile => buildProfile(parseProfile({ file: 'f', text }).statements).profile;

const diff = (before: string, after: string): string[] =>
  diffProfiles(profile(before), profile(after)).map(({ kind, item, before: old, after: now }) =>
    [kind, item, ...(old === undefined ? [] : [`-${old}`]), ...(now === undefined ? [] : [`+${now}`])].join(
      ' ',
    ),
  );

test('the order of statements, their layout and comments make no difference', () => {
  const before = 'PORT 80 TCP WEB NOAUTOL\n81 UDP A\nPORTRANGE 4000 2 TCP B';
  assert.deepEqual(diff(before, 'portrange 4000 2 tcp b ; x\nport 81 udp a 80 tcp web noautolog'), []);
  assert.deepEqual(diff(before, before), []);
});

test('reservations are added, removed and changed, in the order of their ports', () => {
  assert.deepEqual(diff('PORT 80 TCP WEB\n25 TCP SMTP', 'PORT 443 TCP WEB\n80 TCP WEB SHAREPORT'), [
    'removed TCP 25 SMTP -',
    'changed TCP 80 WEB - +SHAREPORT',
    'added TCP 443 WEB +',
  ]);
  assert.deepEqual(diff('PORTRANGE 4000 10 TCP A', 'PORTRANGE 4000 11 TCP A'), [
    'removed TCP 4000-4009 A -',
    'added TCP 4000-4010 A +',
  ]);
});

test('the order of the entries of one port is a difference, since the first match applies', () => {
  assert.deepEqual(diff('PORT 80 TCP A 80 TCP B*', 'PORT 80 TCP B* 80 TCP A'), [
    'changed TCP 80 A -entry 1 +entry 2',
    'changed TCP 80 B* -entry 2 +entry 1',
  ]);
});

test('UNRSV, settings and AUTOLOG are compared', () => {
  const before = 'PORT UNRSV TCP * DENY\nTCPCONFIG RESTRICTLOWPORTS NODELAYACKS\nAUTOLOG 5 A ENDAUTOLOG';
  const after = `PORT UNRSV TCP *\nTCPCONFIG EPHEMERALPORTS 2000 3000 UNRESTRICTLOWPORTS NODELAYACKS
    UDPCONFIG RESTRICTLOWPORTS GLOBALCONFIG EXPLICITBINDPORTRANGE 5000 10 SMCGLOBAL AUTOSMC
    AUTOLOG 5 A JOBNAME B ENDAUTOLOG`;
  assert.deepEqual(diff(before, after), [
    'changed UNRSV TCP * -DENY WHENLISTEN +WHENLISTEN',
    'changed TCPCONFIG low ports -RESTRICTLOWPORTS +UNRESTRICTLOWPORTS',
    'changed AUTOLOG A - +JOBNAME B',
    'added TCPCONFIG EPHEMERALPORTS +2000-3000',
    'added UDPCONFIG low ports +RESTRICTLOWPORTS',
    'added GLOBALCONFIG EXPLICITBINDPORTRANGE +5000-5009',
    'added GLOBALCONFIG SMCGLOBAL +AUTOSMC',
  ]);
});
