// Tests of apply, obey and restoring a revision: plans, refusals, records, and the resulting state.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SIM_START_MS } from '../../../test/support/sim/clock.ts';
import { type SimHost, simHost } from '../../../test/support/sim/host.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type ApplyDeps, type ApplyRequest, carryOut, type Plan, planAgain, planApply } from './apply.ts';
import { profileAfter, profileInForce } from './in-force.ts';
import { loadRacf } from './racf.ts';

interface Setup {
  readonly host: SimHost;
  readonly archive: SimProfileArchive;
  readonly deps: ApplyDeps;
  /** Plans to apply or obey a text. */
  plan(verb: 'apply' | 'obey', text: string, changes?: Partial<ApplyRequest>): Plan;
  /** Applies or obeys a text, and returns the revision. */
  change(verb: 'apply' | 'obey', text: string, changes?: Partial<ApplyRequest>): number;
  /** The reservations in force: "80 WEB". */
  inForce(): string[];
}

function setup(): Setup {
  const host = simHost({ uid: 1000, files: { '/etc/passwd': 'alice:x:1000:100::/:/bin/sh\n' } });
  const archive = new SimProfileArchive();
  const deps = { files: host.files, archive, clock: host.clock, uid: 1000 };
  const plan: Setup['plan'] = (verb, text, changes = {}) => {
    host.files.write('/etc/p', text);
    return planApply(deps, {
      verb,
      path: '/etc/p',
      reading: { zosNames: false, symbols: {} },
      keepGoing: false,
      tcpname: 'TCPIP',
      racf: undefined,
      ...changes,
    });
  };
  return {
    host,
    archive,
    deps,
    plan,
    change: (verb, text, changes) => carryOut(deps, plan(verb, text, changes)),
    inForce: () =>
      profileInForce(archive).profile.reservations.map(({ first, use }) => {
        return `${first} ${use.kind === 'JOB' ? use.pattern : use.kind}`;
      }),
  };
}

const changesOf = ({ changes }: Plan) => changes.map(({ kind, item }) => `${kind} ${item}`);

test('a plan changes nothing', () => {
  const { archive, plan, inForce } = setup();
  const planned = plan('apply', 'PORT 80 TCP WEB\n');
  assert.deepEqual(changesOf(planned), ['added TCP 80 WEB']);
  assert.equal(planned.isRefused, false);
  assert.deepEqual(archive.heads(), []);
  assert.deepEqual(inForce(), []);
});

test('an apply is recorded with text, time and user', () => {
  const { archive, host, change } = setup();
  host.clock.advance(5000);
  const reading = { zosNames: true, symbols: { SYSNAME: 'PROD1' } };
  assert.equal(change('apply', 'INCLUDE a\n', { reading, keepGoing: true, tcpname: 'TCPCS' }), 1);
  assert.deepEqual(archive.read(1), {
    number: 1,
    timeMs: SIM_START_MS + 5000,
    uid: 1000,
    user: 'alice',
    verb: 'apply',
    again: undefined,
    options: { ...reading, keepGoing: true, tcpname: 'TCPCS' },
    texts: [{ path: '/etc/p', text: 'INCLUDE a\n' }],
    racf: undefined,
  });
});

describe('the state in force', () => {
  test('is empty at first', () => {
    const { archive, inForce } = setup();
    assert.deepEqual(inForce(), []);
    assert.equal(profileInForce(archive).head, undefined);
  });

  test('is the latest apply', () => {
    const { change, inForce } = setup();
    change('apply', 'PORT 80 TCP WEB\n');
    change('apply', 'PORT 81 TCP OTHER\n');
    assert.deepEqual(inForce(), ['81 OTHER']);
  });

  test('includes every obey since', () => {
    const { change, inForce, plan } = setup();
    change('apply', 'PORT 80 TCP WEB\n     81 TCP OLD\n');
    const obey = plan('obey', 'DELETE PORT 81 TCP OLD\nPORT 82 TCP NEW\n');
    assert.deepEqual(changesOf(obey), ['removed TCP 81 OLD', 'added TCP 82 NEW']);
    change('obey', 'DELETE PORT 81 TCP OLD\nPORT 82 TCP NEW\n');
    change('obey', 'PORT 83 TCP NEWER\n');
    assert.deepEqual(inForce(), ['80 WEB', '82 NEW', '83 NEWER']);
  });

  test('may begin with an obey', () => {
    const { change, inForce } = setup();
    change('obey', 'PORT 80 TCP WEB\n');
    change('obey', 'PORT 81 TCP OTHER\n');
    assert.deepEqual(inForce(), ['80 WEB', '81 OTHER']);
  });

  test('does not depend on later changes of files or symbols', () => {
    const { change, inForce, host } = setup();
    host.files.write('/etc/a', 'PORT 81 TCP &JOB.\n');
    change('apply', 'INCLUDE a\n', { reading: { zosNames: false, symbols: { JOB: 'THEN' } } });
    host.files.write('/etc/a', 'PORT 82 TCP NOW\n');
    host.files.write('/etc/p', '');
    assert.deepEqual(inForce(), ['81 THEN']);
  });

  test('can be restored from any revision, and changed after that', () => {
    const { change, inForce, deps, archive } = setup();
    change('apply', 'PORT 80 TCP WEB\n');
    change('obey', 'PORT 81 TCP MORE\n');
    change('apply', 'PORT 90 TCP OTHER\n');
    const again = planAgain(deps, 2);
    assert.deepEqual(changesOf(again), ['added TCP 80 WEB', 'added TCP 81 MORE', 'removed TCP 90 OTHER']);
    assert.equal(carryOut(deps, again), 4);
    assert.deepEqual(inForce(), ['80 WEB', '81 MORE']);
    change('obey', 'PORT 82 TCP MOST\n');
    assert.deepEqual(inForce(), ['80 WEB', '81 MORE', '82 MOST']);
    carryOut(deps, planAgain(deps, 1));
    assert.deepEqual(inForce(), ['80 WEB']);
    carryOut(deps, planAgain(deps, 5));
    assert.deepEqual(inForce(), ['80 WEB', '81 MORE', '82 MOST']);
    assert.deepEqual(
      archive.heads().map(({ verb, again: of }) => (of === undefined ? verb : `${verb} ${of}`)),
      ['apply', 'obey', 'apply', 'again 2', 'obey', 'again 1', 'again 5'],
    );
  });

  test('can be rebuilt for any revision', () => {
    const { change, archive } = setup();
    change('apply', 'PORT 80 TCP WEB\n');
    change('apply', 'PORT 90 TCP OTHER\n');
    assert.equal(profileAfter(archive, 1).profile.reservations[0]?.first, 80);
    for (const number of [0, 3]) {
      assert.throws(
        () => profileAfter(archive, number),
        (thrown) =>
          thrown instanceof PortreeveError &&
          thrown.code === 'REVISION_UNKNOWN' &&
          thrown.hint === 'The revisions are 1 to 2.',
      );
    }
  });
});

describe('errors', () => {
  const WRONG = 'PORT 80 TCP WEB\nPORTRANGE 70 20 TCP OTHER\n';

  test('are refused', () => {
    const { plan } = setup();
    const planned = plan('apply', WRONG);
    assert.equal(planned.isRefused, true);
    assert.equal(planned.report.counts.error, 1);
  });

  test('are ignored with keepGoing, as on z/OS: "this port range is ignored"', () => {
    const { plan, change, inForce } = setup();
    assert.equal(plan('apply', WRONG, { keepGoing: true }).isRefused, false);
    change('apply', WRONG, { keepGoing: true });
    assert.deepEqual(inForce(), ['80 WEB']);
  });

  test('of an obey depend on the state in force', () => {
    const { plan, change } = setup();
    change('apply', 'PORT 80 TCP WEB\n');
    assert.equal(plan('obey', 'PORTRANGE 70 20 TCP OTHER\n').isRefused, true);
    assert.equal(plan('apply', 'PORTRANGE 70 20 TCP OTHER\n').isRefused, false);
    assert.equal(plan('obey', 'DELETE PORT 81 TCP WEB\n').isRefused, true);
    assert.equal(plan('obey', 'DELETE PORT 80 TCP WEB\n').isRefused, false);
  });

  test('of the RACF commands are included', () => {
    const { plan, host } = setup();
    const names = { sysname: 'S', tcpname: 'TCPIP' };
    host.files.write('/etc/racf', 'RDEFINE SERVAUTH EZB.PORTACCESS.S.TCPIP.WEB UACC(NONE)\n');
    const racf = loadRacf('/etc/racf', host.files, names);
    const valid = plan('apply', 'PORT 80 TCP WEB SAF WEB\n', { racf });
    assert.deepEqual([valid.isRefused, valid.revision.racf?.path], [false, '/etc/racf']);
    host.files.write('/etc/racf', 'NOSUCH COMMAND\n');
    const wrong = loadRacf('/etc/racf', host.files, names);
    assert.equal(plan('apply', 'PORT 80 TCP WEB\n', { racf: wrong }).isRefused, true);
  });
});

test('the RACF commands in force are the latest since the last apply', () => {
  const { change, archive, host, deps } = setup();
  const given = (text: string) => {
    host.files.write('/etc/racf', text);
    return { racf: loadRacf('/etc/racf', host.files, { sysname: 'S', tcpname: 'TCPIP' }) };
  };
  change('apply', 'PORT 80 TCP WEB\n', given('/* 1 */\n'));
  change('obey', 'PORT 81 TCP WEB\n');
  assert.equal(profileInForce(archive).racf?.text, '/* 1 */\n');
  change('obey', 'PORT 82 TCP WEB\n', given('/* 2 */\n'));
  assert.equal(profileInForce(archive).racf?.text, '/* 2 */\n');
  change('apply', 'PORT 80 TCP WEB\n');
  assert.equal(profileInForce(archive).racf, undefined);
  carryOut(deps, planAgain(deps, 2));
  assert.equal(profileInForce(archive).racf?.text, '/* 1 */\n');
});

test('a plan is refused if another change came first', () => {
  const { plan, change, deps, inForce } = setup();
  const planned = plan('apply', 'PORT 80 TCP WEB\n');
  change('apply', 'PORT 90 TCP OTHER\n');
  assert.throws(
    () => carryOut(deps, planned),
    (thrown) => thrown instanceof PortreeveError && thrown.code === 'ARCHIVE_MOVED',
  );
  assert.deepEqual(inForce(), ['90 OTHER']);
});
