// Tests of the execution of statements: conflicts, ignored entries and warnings.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseProfile } from '../text/parse.ts';
import { buildProfile, useText } from './build.ts';
import type { Profile } from './rules.ts';

function build(text: string, base?: Profile): { profile: Profile; found: string[]; messages: string[] } {
  const { statements } = parseProfile({ file: 'f', text });
  const { profile, findings } = buildProfile(statements, base);
  const found = findings.map(({ severity, code, place }) => `${severity} ${code} ${place.line}`);
  return { profile, found, messages: findings.map(({ message }) => message) };
}

/** Every reservation, as "tcp 80-80 WEB". */
const reserved = ({ reservations }: Profile): string[] =>
  reservations.map(({ protocol, first, last, use }) => `${protocol} ${first}-${last} ${useText(use)}`);

describe('the same port twice', () => {
  test('"the port in the PORT statement is ignored" after a PORTRANGE, with both lines in the message', () => {
    const { profile, found, messages } = build(
      'PORTRANGE 4000 10 TCP A\nPORT 4005 TCP B\n4010 TCP B\n4005 UDP B',
    );
    assert.deepEqual(found, ['error PORT_CONFLICT 2']);
    assert.match(
      messages[0] ?? '',
      /^PORT on line 2 conflicts with PORTRANGE on line 1, which reserves 4005\/tcp: this entry is ignored/,
    );
    assert.deepEqual(reserved(profile), ['tcp 4000-4009 A', 'tcp 4010-4010 B', 'udp 4005-4005 B']);
  });

  test('"this port range is ignored" completely after a PORT or another PORTRANGE', () => {
    const { profile, found } = build('PORT 4005 TCP B\nPORTRANGE 4000 10 TCP A 4006 10 TCP C 4015 1 TCP D');
    assert.deepEqual(found, ['error PORT_CONFLICT 2', 'error PORT_CONFLICT 2']);
    assert.deepEqual(reserved(profile), ['tcp 4005-4005 B', 'tcp 4006-4015 C']);
  });

  test('of TCP may have several jobs; "For UDP, only one job name can be associated with a port"', () => {
    const { profile, found } = build('PORT 80 TCP A 80 TCP B 80 UDP A 80 UDP B');
    assert.deepEqual(found, ['error PORT_CONFLICT 1']);
    assert.deepEqual(reserved(profile), ['tcp 80-80 A', 'tcp 80-80 B', 'udp 80-80 A']);
  });

  test('RESERVED excludes other entries, and a job is named once', () => {
    const { profile, found } = build(
      'PORT 80 TCP RESERVED 80 TCP A 81 TCP A 81 TCP RESERVED 81 TCP A SHAREPORT',
    );
    assert.deepEqual(found, ['error PORT_CONFLICT 1', 'error PORT_CONFLICT 1', 'error DUPLICATE 1']);
    assert.deepEqual(reserved(profile), ['tcp 80-80 RESERVED', 'tcp 81-81 A']);
  });
});

describe('UNRSV', () => {
  test('entries of TCP have one time, EZZ0147I; UDP is separate', () => {
    const { profile, found } = build(
      'PORT UNRSV TCP A UNRSV TCP B WHENBIND UNRSV UDP A UNRSV TCP C WHENLISTEN',
    );
    assert.deepEqual(found, ['error UNRSV_WHEN 1']);
    assert.deepEqual(
      profile.unreserved.map(({ pattern, when }) => [pattern, when]),
      [
        ['A', 'WHENLISTEN'],
        ['A', 'WHENBIND'],
        ['C', 'WHENLISTEN'],
      ],
    );
  });

  test('there is at most one * for each protocol', () => {
    assert.deepEqual(build('PORT UNRSV TCP * DENY UNRSV TCP * UNRSV UDP *').found, ['error DUPLICATE 1']);
  });
});

describe('DELETE', () => {
  test('"the values of the required parameters must match", options are ignored', () => {
    const text = 'PORT 80 TCP WEB SHAREPORT\nPORTRANGE 4000 10 TCP A\nDELETE PORT 80 TCP WEB NOAUTOLOG\n';
    assert.deepEqual(reserved(build(text).profile), ['tcp 4000-4009 A']);
    for (const wrong of [
      'PORT 80 UDP WEB',
      'PORT 80 TCP W*',
      'PORT 81 TCP WEB',
      'PORTRANGE 4000 9 TCP A',
      'PORTRANGE 80 1 TCP WEB',
    ]) {
      const { profile, found } = build(`${text.slice(0, text.indexOf('DELETE'))}DELETE ${wrong}`);
      assert.deepEqual([found, profile.reservations.length], [['error DELETE_FAILED 3'], 2], wrong);
    }
  });

  test('makes the ports available to later statements', () => {
    const { profile, found } = build(
      'PORTRANGE 1 65535 TCP A\nDELETE PORTRANGE 1 65535 TCP A\nPORT 65535 TCP B 1 TCP B',
    );
    assert.deepEqual([found, reserved(profile)], [[], ['tcp 65535-65535 B', 'tcp 1-1 B']]);
    assert.deepEqual(build('PORT UNRSV TCP A WHENBIND\nDELETE PORT UNRSV TCP A\nPORT UNRSV TCP B').found, []);
  });
});

describe('statements on an existing profile', () => {
  const { profile: base } = build('PORT 80 TCP WEB\nTCPCONFIG RESTRICTLOWPORTS\nAUTOLOG A ENDAUTOLOG');

  test('ranges "are added to the list of ports already reserved"', () => {
    const { profile } = build('PORTRANGE 4000 2 TCP A\nPORT 80 TCP DB', base);
    assert.deepEqual(reserved(profile), ['tcp 80-80 WEB', 'tcp 4000-4001 A', 'tcp 80-80 DB']);
    assert.equal(profile.tcp.lowPorts?.isRestricted, true);
    assert.equal(base.reservations.length, 1);
  });

  test('the latest setting applies, and the first AUTOLOG replaces the existing ones', () => {
    const { profile } = build(
      'TCPCONFIG UNRESTRICTLOWPORTS\nAUTOLOG B ENDAUTOLOG AUTOLOG C ENDAUTOLOG',
      base,
    );
    assert.equal(profile.tcp.lowPorts?.isRestricted, false);
    assert.deepEqual(
      profile.autolog.map(({ procedure }) => procedure),
      ['B', 'C'],
    );
  });

  test('GLOBALCONFIG NOEXPLICITBINDPORTRANGE removes the range', () => {
    const { profile } = build('GLOBALCONFIG EXPLICITBINDPORTRANGE 5000 10');
    assert.deepEqual([profile.explicitBindPorts?.first, profile.explicitBindPorts?.last], [5000, 5009]);
    assert.equal(build('GLOBALCONFIG NOEXPLICITBINDPORTRANGE', profile).profile.explicitBindPorts, undefined);
  });
});

describe('warnings', () => {
  test('an entry after one that matches all its jobs is never reached', () => {
    assert.deepEqual(build('PORT 80 TCP *\n80 TCP A').found, ['warning UNREACHED 2']);
    assert.deepEqual(build('PORT 80 TCP A*\n80 TCP AB').found, ['warning UNREACHED 2']);
    assert.deepEqual(build('PORT 80 TCP OMVS BIND 192.0.2.7\n80 TCP A').found, ['warning UNREACHED 2']);
    for (const fine of ['A\n80 TCP *', 'AB\n80 TCP A*', 'OMVS\n80 TCP *', 'INTCLIEN\n80 TCP A']) {
      assert.deepEqual(build(`PORT 80 TCP ${fine}`).found, []);
    }
  });

  test('a pattern is not compared as a name: "A?" matches the text "A*", but not all of its jobs', () => {
    assert.deepEqual(build('PORT 80 TCP A?\n80 TCP A*').found, []);
    assert.deepEqual(build('PORT 80 TCP A?\n80 TCP AB').found, ['warning UNREACHED 2']);
  });

  test('"you cannot use an asterisk wildcard value" for ports that AUTOLOG watches', () => {
    const autolog = 'AUTOLOG FTPD ENDAUTOLOG\n';
    assert.deepEqual(build(`${autolog}PORT 21 TCP FTP*`).found, ['warning AUTOLOG_WILDCARD 1']);
    assert.deepEqual(build(`${autolog}PORT 21 TCP FTPD`).found, []);
    assert.deepEqual(build(`${autolog}PORT 21 TCP FTP* NOAUTOLOG`).found, []);
  });
});
