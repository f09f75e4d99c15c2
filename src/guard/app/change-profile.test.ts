// Changes of the profile on a simulated host: the archive and the kernel change together, or not at all.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GuardHostInMemory, PROFILE, SETTINGS } from '../../../test/support/guard-use-cases.ts';
import { parseIp } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';

const [ONE, TWO, BROKEN] = ['PORT 4001 TCP WEB\n', 'PORT 4002 TCP WEB\n', 'PORTRANGE 4002 20 TCP WEB\n'];
const LATE = 'PORT\n  80 TCP WEB\n  UNRSV TCP WEB\n  UNRSV TCP * DENY\n';
const TRIAL_MS = 60_000;
/** Longer than the kernel waits for a record, and longer than the trial. */
const LONG_MS = 2 * TRIAL_MS;

const code = (expected: string) => (thrown: unknown) =>
  thrown instanceof PortreeveError && thrown.code === expected;

/** A host whose guard enforces the first profile. */
async function guarded(...args: ConstructorParameters<typeof GuardHostInMemory>) {
  const host = new GuardHostInMemory(...args);
  await host.change(ONE);
  host.enforce();
  return host;
}

const stepsOf = ({ steps }: GuardHostInMemory) => steps.map(({ step }) => step);

test('with the guard, the kernel uses the profile at once: a file, another one, and an earlier revision', async () => {
  const host = await guarded();
  const changed = await host.change(TWO);
  assert.deepEqual([changed.outcome, host.inKernel, host.reserved], ['changed', 2, [4002]]);
  assert.deepEqual(stepsOf(host), ['settled', 'checked', 'planned']);
  host.files.write(PROFILE, 'PORT 4003 TCP WEB\n');
  await host.change({ verb: 'obey', path: PROFILE, racf: undefined });
  assert.deepEqual([host.inKernel, host.reserved], [3, [4002, 4003]]);
  await host.change({ verb: 'again', revision: 1 });
  assert.deepEqual([host.inKernel, host.reserved], [4, [4001]]);
});

describe('only the archive is changed, not the guard,', () => {
  test('for an ordinary user', async () => {
    const host = await guarded();
    const before = host.bpf.calls.length;
    const changed = await host.change(TWO, {}, { ...host.deps, uid: 1000 });
    assert.deepEqual(host.bpf.calls.slice(before), []);
    assert.ok(changed.outcome === 'changed' && changed.guard === undefined && changed.affected === undefined);
    assert.deepEqual(stepsOf(host), ['checked', 'planned']);
    assert.deepEqual([host.inKernel, host.reserved], [1, [4002]]);
  });

  test('for an archive that does not belong to the guard', async () => {
    const host = await guarded();
    await host.change(TWO, { places: { state: '/run/other', pins: undefined } });
    assert.deepEqual([host.inKernel, host.reserved], [1, [4002]]);
  });
});

describe('nothing is changed', () => {
  test('by a dry run, which describes the change', async () => {
    const host = await guarded();
    host.database.passwd = ['ldapweb:x:20001:20001::/:/bin/sh'];
    host.sockets.open({ local: { address: parseIp('0.0.0.0') ?? assert.fail(), port: 4005 }, uid: 20_001 });
    const planned = await host.change('PORT 4005 TCP OTHER\n 4006 TCP LDAPWEB\n', { isDryRun: true });
    assert.ok(planned.outcome === 'planned' && !(planned.affected instanceof PortreeveError));
    assert.deepEqual([planned.revision, planned.verb, planned.affected.impacts.refused], [2, 'apply', 1]);
    // Answers of the user database are used but not stored.
    assert.equal(planned.affected.impacts.affected[0]?.seen.job, 'LDAPWEB');
    assert.deepEqual([host.userArchive.read().users, host.inKernel, host.reserved], [[], 1, [4001]]);
  });

  test('by a file with errors, unless they are to be ignored', async () => {
    const host = await guarded();
    assert.deepEqual(await host.change(`${TWO}${BROKEN}`), { outcome: 'refused' });
    assert.deepEqual(stepsOf(host), ['settled', 'checked']);
    assert.deepEqual([host.inKernel, host.reserved], [1, [4001]]);
    assert.equal((await host.change(`${TWO}${BROKEN}`, { keepGoing: true })).outcome, 'changed');
    assert.deepEqual([host.inKernel, host.reserved], [2, [4002]]);
  });

  test('with --exact, where the kernel cannot enforce it exactly', async () => {
    const host = await guarded();
    await assert.rejects(host.change(LATE, { isExact: true }), code('GUARD_INEXACT'));
    const [, checked] = host.steps;
    assert.ok(
      checked?.step === 'checked' && checked.limits.some(({ code: limit }) => limit === 'LISTEN_AT_BIND'),
    );
    assert.deepEqual([stepsOf(host), host.inKernel, host.reserved], [['settled', 'checked'], 1, [4001]]);
  });

  test('for a trial that an ordinary user requests', async () => {
    const host = new GuardHostInMemory({ uid: 1000 });
    await assert.rejects(host.change(ONE, { trialMs: TRIAL_MS }), code('NOT_ROOT'));
    assert.deepEqual([host.steps, host.reserved], [[], []]);
  });

  test('without a file or revision', async () => {
    const host = await guarded();
    await assert.rejects(host.change({ verb: 'obey', path: '/none', racf: undefined }), code('FILE_MISSING'));
    await assert.rejects(host.change({ verb: 'again', revision: 7 }), code('REVISION_UNKNOWN'));
    assert.deepEqual([host.inKernel, host.reserved], [1, [4001]]);
  });

  test('where the archive cannot be written: the kernel reverts', async () => {
    const host = await guarded();
    const full = () => {
      throw new PortreeveError('ARCHIVE_FAILED', 'no space left');
    };
    const archive = {
      heads: () => host.archive.heads(),
      read: (number: number) => host.archive.read(number),
      onTrial: () => host.archive.onTrial(),
      keep: (number: number) => host.archive.keep(number),
      append: full,
    };
    await assert.rejects(host.change(TWO, {}, { ...host.deps, archive }), code('ARCHIVE_FAILED'));
    assert.deepEqual(stepsOf(host), ['settled', 'checked', 'planned']);
    assert.deepEqual([host.inKernel, host.reserved], [1, [4001]]);
  });
});

/** Calls of the kernel, by number: a sample, because the tests of the guard fail each call of a swap. */
const SAMPLE = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144];

for (const fate of ['failAt', 'dieAt'] as const) {
  const what =
    fate === 'failAt' ? 'a call of the kernel fails' : 'the process is killed at a call of the kernel';
  test(`the kernel and the archive agree where ${what}`, async () => {
    let met = 0;
    for (const index of SAMPLE) {
      const host = await guarded();
      const { bpf } = host;
      bpf[fate](index);
      await host.change(TWO).catch((thrown: unknown) => thrown);
      if (bpf.hasReachedFault) met++;
      bpf.clearFault();
      if (fate === 'dieAt') bpf.end();
      // What was put in force but not recorded reverts by itself; the next change records that.
      host.advance(LONG_MS);
      await host.change({ verb: 'again', revision: host.archive.heads().length });
      assert.equal(host.inKernel, host.archive.heads().at(-1)?.number, `call ${index}`);
    }
    assert.ok(met > SAMPLE.length / 2, `${met} calls were made`);
  });
}

test('an unconfirmed trial reverts, and that is recorded before the next change', async () => {
  const host = await guarded();
  const tried = await host.change(TWO, { trialMs: TRIAL_MS });
  assert.ok(tried.outcome === 'changed');
  assert.deepEqual([tried.guard?.trialMs, host.inKernel], [TRIAL_MS, 2]);
  await assert.rejects(host.change(ONE), code('GUARD_TRIAL'));
  host.advance(LONG_MS);
  await assert.rejects(host.change({ verb: 'obey', path: '/none', racf: undefined }), code('FILE_MISSING'));
  assert.deepEqual(host.steps, [{ step: 'settled', countersTakenOver: undefined, revertedAs: 3 }]);
  assert.deepEqual(host.reserved, [4001]);
});

describe('the names in the rules', () => {
  test('are looked up, and those that do not exist are reported', async () => {
    const host = await guarded();
    host.database.passwd = ['ldapweb:x:20001:20001::/:/bin/sh'];
    const settings = { ...SETTINGS, ownJobs: ['OWN'] };
    await host.change('PORT 81 TCP LDAPWEB\n 82 TCP WEBB\n 83 TCP OWN\n 84 TCP WEB\n', { settings });
    const [, checked] = host.steps;
    assert.ok(checked?.step === 'checked' && checked.usersError === undefined);
    assert.deepEqual(
      checked.unknown.map(({ name }) => name),
      ['WEBB'],
    );
    assert.deepEqual(
      host.userArchive.read().users.map(({ name }) => name),
      ['ldapweb'],
    );
  });

  test('are limited to what is known if the user database does not answer', async () => {
    const host = await guarded();
    host.database.silence = 'it does not answer in time';
    assert.equal((await host.change('PORT 81 TCP LDAPWEB\n')).outcome, 'changed');
    const [, checked] = host.steps;
    assert.ok(checked?.step === 'checked');
    assert.equal(checked.usersError?.message, host.database.silence);
  });

  test('are not looked up for an ordinary user', async () => {
    const host = new GuardHostInMemory({ uid: 1000 });
    await host.change(ONE);
    assert.deepEqual(host.database.queries, []);
  });
});

describe('the users that RACF commands permit', () => {
  const RESOURCE = 'EZB.PORTACCESS.*.TCPIP.ADMIN';
  const COMMANDS = `RDEFINE SERVAUTH ${RESOURCE}\nPERMIT ${RESOURCE} CLASS(SERVAUTH) ID(LDAPADM) ACCESS(READ)\n`;
  /** What was found about a profile with these commands. */
  const checkedWith = async (host: GuardHostInMemory) => {
    host.database.passwd = ['ldapadm:x:20002:20002::/:/bin/sh'];
    host.files.write('/etc/r', COMMANDS);
    host.files.write(PROFILE, 'PORT 90 TCP WEB SAF ADMIN\n');
    await host.change({ verb: 'apply', path: PROFILE, racf: '/etc/r' });
    const [, checked] = host.steps;
    return checked?.step === 'checked' ? checked : assert.fail();
  };

  test('are looked up before the commands are checked', async () => {
    const { report } = await checkedWith(await guarded());
    assert.deepEqual(report.counts, { error: 0, warning: 0, notice: 0 });
  });

  test('are unknown if the user database did not answer then, which is reported', async () => {
    const host = await guarded();
    Object.assign(host.database, { silence: 'it does not answer in time', silentFor: 1 });
    const { report, usersError } = await checkedWith(host);
    assert.equal(report.counts.warning, 1);
    assert.equal(usersError?.message, 'it does not answer in time');
  });
});
