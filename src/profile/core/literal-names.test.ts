// The names without wildcards in a profile, and those that do not exist on the host.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProfile } from '../text/parse.ts';
import { parseRacf } from '../text/racf.ts';
import { buildProfile } from './build.ts';
import { literalIds, literalJobs, unknownNames } from './literal-names.ts';

const PROFILE = `PORT
  20 TCP OMVS
  22 TCP SSH
  23 TCP INTCLIEN
  24 TCP WEB*
  25 TCP *
  26 TCP RESERVED
  27 UDP SSH
  UNRSV TCP WEB1
PORTRANGE 4000 10 TCP DB
PORTRANGE 5000 10 TCP AUTHPORT
`;

const profileOf = (text: string) => buildProfile(parseProfile({ file: 'p', text }).statements).profile;
const names = (context: Parameters<typeof literalJobs>[1]) =>
  literalJobs(profileOf(PROFILE), context).map(({ name, source }) => `${name} ${source?.line}`);

test('lists names without wildcards once, and the FTP servers', () => {
  assert.deepEqual(names({ authportJobs: ['ftpd1', 'FTP*'], omvsJob: undefined }), [
    'SSH 3',
    'DB 10',
    'FTPD1 11',
    'WEB1 9',
  ]);
  assert.deepEqual(names({ authportJobs: [], omvsJob: 'SSH' }), ['OMVS 2', 'DB 10', 'WEB1 9']);
});

test('lists the users and groups on access lists', () => {
  const text = [
    'RDEFINE SERVAUTH EZB.PORTACCESS.*.*.WEB UACC(NONE)',
    'PERMIT EZB.PORTACCESS.*.*.WEB CLASS(SERVAUTH) ID(alice STAFF *) ACCESS(READ)',
    'PERMIT EZB.PORTACCESS.*.*.WEB CLASS(SERVAUTH) ID(ALICE) DELETE',
  ].join('\n');
  assert.deepEqual(literalIds(parseRacf({ file: 'racf', text }).commands), ['ALICE', 'STAFF']);
});

test('reports names that do not exist; the jobs of portreeve are known', () => {
  const literal = ['SSH', 'PORTMAP', 'WEBB'].map((name) => ({ name, source: undefined }));
  assert.deepEqual(
    unknownNames(literal, (name) => name === 'SSH').map(({ name }) => name),
    ['WEBB'],
  );
});
