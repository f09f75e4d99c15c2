// Tests of decisions with a user's identity and SAF.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIp } from '../../base/address.ts';
import { type Decision, decideQuestion, type Question, type Rules } from './decide.ts';
import { replayProfile } from './load.ts';
import { safCheck } from './racf.ts';

const ANY = parseIp('0.0.0.0') ?? assert.fail();
const USERS = {
  accounts: [{ name: 'alice', uid: 1000, gid: 100 }],
  groups: [{ name: 'web', gid: 200, members: ['alice'] }],
};
const NAMES = { sysname: 'S', tcpname: 'TCPIP' };

function ask(text: string, question: Partial<Question>, rules: Partial<Rules> = {}): Decision {
  const { profile } = replayProfile([{ path: 'p', text }], { zosNames: false, symbols: {} });
  return decideQuestion(
    {
      job: 'WEB',
      protocol: 'tcp',
      port: 80,
      address: ANY,
      operation: 'bind',
      identity: { uid: 1000, name: 'alice', gids: [100, 200] },
      lowPortCapable: undefined,
      ...question,
    },
    { profile, saf: safCheck(undefined, USERS, NAMES), authportJobs: [], omvsJob: undefined, ...rules },
  );
}

const reasonOf = ({ verdict }: Decision) => `${verdict.allowed ? 'allowed' : 'denied'} ${verdict.reason}`;

test('a reservation permits its job only', () => {
  assert.equal(reasonOf(ask('PORT 80 TCP WEB', {})), 'allowed RESERVED_FOR_JOB');
  assert.equal(reasonOf(ask('PORT 80 TCP WEB', { job: 'OTHER' })), 'denied RESERVED_FOR_OTHERS');
});

test('root has the capability for low ports, other users do not, unless it is given', () => {
  const identity = { uid: 0, name: 'root', gids: [0] };
  assert.equal(reasonOf(ask('; none', {})), 'denied LOW_PORT_OF_LINUX');
  assert.equal(reasonOf(ask('; none', { identity })), 'allowed UNRESERVED');
  assert.equal(reasonOf(ask('; none', { lowPortCapable: true })), 'allowed UNRESERVED');
  assert.equal(reasonOf(ask('; none', { identity, lowPortCapable: false })), 'denied LOW_PORT_OF_LINUX');
});

describe('SAF', () => {
  const PERMIT = (id: string) => ({
    path: 'racf',
    text: `RDEFINE SERVAUTH EZB.PORTACCESS.S.TCPIP.X UACC(NONE)
PERMIT EZB.PORTACCESS.S.TCPIP.X CLASS(SERVAUTH) ID(${id}) ACCESS(READ)
`,
  });
  const TEXT = 'PORT 80 TCP * SAF X';

  test('without RACF commands permits no user', () => {
    const decision = ask(TEXT, {});
    assert.equal(reasonOf(decision), 'denied SAF_NOT_PERMITTED');
    assert.deepEqual(decision.saf, { resname: 'X', permitted: false, rule: undefined });
  });

  test('permits the users and groups of this host', () => {
    for (const id of ['ALICE', 'WEB']) {
      const decision = ask(TEXT, {}, { saf: safCheck(PERMIT(id), USERS, NAMES) });
      assert.equal(reasonOf(decision), 'allowed RESERVED_FOR_JOB');
      assert.equal(decision.saf?.rule?.line, 2);
    }
    const bob = { uid: 1001, name: 'bob', gids: [100] };
    const denied = ask(TEXT, { identity: bob }, { saf: safCheck(PERMIT('WEB'), USERS, NAMES) });
    assert.equal(reasonOf(denied), 'denied SAF_NOT_PERMITTED');
    const other = ask(TEXT, {}, { saf: safCheck(PERMIT('ALICE'), USERS, { ...NAMES, sysname: 'T' }) });
    assert.equal(reasonOf(other), 'denied SAF_NOT_PERMITTED');
  });

  test('is not reported if it was not checked', () => {
    assert.equal(ask('PORT 80 TCP WEB', {}).saf, undefined);
  });
});

test('an allowed bind includes the verdict of its listen', () => {
  const text = 'PORT UNRSV TCP A';
  const decision = ask(text, { port: 8080 });
  assert.equal(reasonOf(decision), 'allowed UNRESERVED');
  assert.equal(decision.listen?.allowed, false);
  assert.equal(ask(text, { port: 8080, job: 'A' }).listen?.allowed, true);
  assert.equal(ask(text, { port: 8080, operation: 'listen' }).verdict.allowed, false);
  assert.equal(ask(text, { port: 8080, operation: 'listen' }).listen, undefined);
  assert.equal(ask(text, { port: 8080, protocol: 'udp' }).listen, undefined);
});

test('AUTHPORT and OMVS follow the settings', () => {
  const range = 'PORTRANGE 80 2 TCP AUTHPORT';
  assert.equal(reasonOf(ask(range, { job: 'FTPD1' })), 'denied RESERVED_FOR_OTHERS');
  assert.equal(
    reasonOf(ask(range, { job: 'FTPD1' }, { authportJobs: ['FTPD*'] })),
    'allowed RESERVED_FOR_JOB',
  );
  assert.equal(reasonOf(ask('PORT 80 TCP OMVS', {})), 'allowed RESERVED_FOR_JOB');
  assert.equal(reasonOf(ask('PORT 80 TCP OMVS', {}, { omvsJob: 'UNIX' })), 'denied RESERVED_FOR_OTHERS');
  assert.equal(reasonOf(ask('PORT 80 TCP UNIX', {}, { omvsJob: 'UNIX' })), 'allowed RESERVED_FOR_JOB');
});
