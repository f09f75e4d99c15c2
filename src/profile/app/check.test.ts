// Tests of checking a profile with its RACF commands and its BPXPRMxx member.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimFiles } from '../../../test/support/sim/files.ts';
import { checkProfile, readRelatedFiles } from './check.ts';

const NAMES = { sysname: 'S', tcpname: 'TCPIP' };

function check(profile: string, others: { racf?: string; bpxprm?: string } = {}): string[] {
  const files = new SimFiles({ '/p': profile }, 1);
  for (const [name, text] of Object.entries(others)) files.write(`/${name}`, text);
  const related = readRelatedFiles(files, {
    racf: others.racf === undefined ? undefined : '/racf',
    bpxprm: others.bpxprm === undefined ? undefined : '/bpxprm',
    names: NAMES,
  });
  const report = checkProfile('/p', files, { zosNames: false, symbols: {} }, related);
  return [...report.diagnostics, ...related.report.diagnostics].map(
    ({ severity, place, code }) => `${severity} ${place.file}:${place.line} ${code}`,
  );
}

test('a profile by itself', () => {
  assert.deepEqual(check('PORT 80 TCP WEB\n'), []);
  assert.equal(check('PORT 80 TCP\n').length, 1);
});

describe('with RACF commands', () => {
  const RACF = 'RDEFINE SERVAUTH EZB.PORTACCESS.S.TCPIP.A UACC(READ)\n';

  test('each resname without a RACF profile is reported once, at its first statement', () => {
    const profile =
      'PORT 80 TCP WEB SAF B\n     81 TCP WEB SAF B\n     82 TCP WEB SAF A\n     UNRSV TCP * SAF C\n';
    assert.deepEqual(check(profile, { racf: RACF }), [
      'warning /p:1 SAF_NOT_COVERED',
      'warning /p:4 SAF_NOT_COVERED',
    ]);
    assert.deepEqual(check('PORT 80 TCP WEB SAF A\n', { racf: RACF }), []);
    assert.deepEqual(check(profile), []);
  });

  test('their errors are reported after those of the profile', () => {
    const found = check('PORT 80 TCP\n', { racf: `${RACF}NOSUCH\n` });
    assert.deepEqual(
      found.map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['error /p:1', 'error /racf:2'],
    );
  });
});

describe('with a BPXPRMxx', () => {
  const BPXPRM = `NETWORK DOMAINNAME(AF_INET) DOMAINNUMBER(2) TYPE(CINET)
  INADDRANYPORT(4000) INADDRANYCOUNT(2)
`;

  test('its ports must be reserved for the job of the kernel', () => {
    const reserved = 'PORTRANGE 4000 2 TCP OMVS\n          4000 2 UDP OMVS\n';
    assert.deepEqual(check(reserved, { bpxprm: BPXPRM }), []);
    assert.deepEqual(check('PORTRANGE 4000 2 TCP OMVS\n', { bpxprm: BPXPRM }), [
      'warning /bpxprm:1 INADDRANY_NOT_RESERVED',
    ]);
  });
});
