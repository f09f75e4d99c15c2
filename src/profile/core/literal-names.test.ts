// Which names a profile spells out, and which of them nobody has.
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

test('names without wildcards that stand for one job, each once, and the FTP servers', () => {
  assert.deepEqual(names({ authportJobs: ['ftpd1', 'FTP*'], omvsJob: undefined }), [
    'SSH 3',
    'DB 10',
    'FTPD1 11',
    'WEB1 9',
  ]);
  assert.deepEqual(names({ authportJobs: [], omvsJob: 'SSH' }), ['OMVS 2', 'DB 10', 'WEB1 9']);
});

test('the users and groups on access lists', () => {
  const text = [
    'RDEFINE SERVAUTH EZB.PORTACCESS.*.*.WEB UACC(NONE)',
    'PERMIT EZB.PORTACCESS.*.*.WEB CLASS(SERVAUTH) ID(alice STAFF *) ACCESS(READ)',
    'PERMIT EZB.PORTACCESS.*.*.WEB CLASS(SERVAUTH) ID(ALICE) DELETE',
  ].join('\n');
  assert.deepEqual(literalIds(parseRacf({ file: 'racf', text }).commands), ['ALICE', 'STAFF']);
});

test('names that nobody has; the jobs of portreeve itself are known', () => {
  const spelled = ['SSH', 'PORTMAP', 'WEBB'].map((name) => ({ name, source: undefined }));
  assert.deepEqual(
    unknownNames(spelled, (name) => name === 'SSH').map(({ name }) => name),
    ['WEBB'],
  );
});
