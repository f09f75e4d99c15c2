/** Test cases for every implementation of ProfileArchive: the real one and the simulated one. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PortreeveError } from '../../src/base/errors.ts';
import type { NewRevision, ProfileArchive } from '../../src/profile/core/archive.ts';

/** A revision with a value in every field. */
export function revision(changes: Partial<NewRevision> = {}): NewRevision {
  return {
    timeMs: 1_767_225_600_123,
    uid: 1000,
    user: 'alice',
    verb: 'apply',
    again: undefined,
    options: {
      zosNames: true,
      symbols: { SYSNAME: 'PROD1', SYSCLONE: '' },
      keepGoing: false,
      tcpname: 'TCPIP',
    },
    texts: [
      { path: '/etc/portreeve/profile.tcpip', text: 'PORT 80 TCP WEB ; é\n' },
      { path: '/etc/portreeve/more.tcpip', text: '; more\n' },
    ],
    racf: { path: '/etc/portreeve/racf', text: 'RDEFINE SERVAUTH A UACC(NONE)\n' },
    ...changes,
  };
}

/** The code of the PortreeveError that a call throws. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError, String(thrown));
    assert.notEqual(thrown.hint, undefined);
    return thrown.code;
  }
  return assert.fail('nothing was thrown');
}

/** The cases, each with a new empty archive. */
export function archiveCases(make: (t: TestContext) => ProfileArchive): void {
  test('a new archive is empty', (t) => {
    const archive = make(t);
    assert.deepEqual(archive.heads(), []);
    assert.equal(archive.read(1), undefined);
  });

  test('a revision is read as it was recorded', (t) => {
    const archive = make(t);
    assert.equal(archive.append(revision(), 0), 1);
    assert.deepEqual(archive.read(1), { number: 1, ...revision() });
    const { texts, racf: _racf, ...head } = revision();
    assert.deepEqual(archive.heads(), [{ number: 1, ...head, paths: texts.map(({ path }) => path) }]);
    assert.equal(archive.read(2), undefined);
    assert.equal(archive.read(0), undefined);
  });

  test('optional fields may be undefined', (t) => {
    const archive = make(t);
    const bare = revision({ user: undefined, racf: undefined, texts: [], verb: 'obey' });
    archive.append(bare, 0);
    assert.deepEqual(archive.read(1), { number: 1, ...bare });
  });

  trialCase(make);

  test('revisions are numbered consecutively, and one can restore another', (t) => {
    const archive = make(t);
    archive.append(revision(), 0);
    archive.append(revision({ verb: 'obey', texts: [{ path: '/b', text: 'b' }] }), 1);
    assert.equal(archive.append(revision({ verb: 'again', again: 1, texts: [], racf: undefined }), 2), 3);
    assert.deepEqual(
      archive.heads().map(({ number, verb, again }) => [number, verb, again]),
      [
        [1, 'apply', undefined],
        [2, 'obey', undefined],
        [3, 'again', 1],
      ],
    );
    assert.deepEqual(archive.read(2)?.texts, [{ path: '/b', text: 'b' }]);
  });

  test('the same text may occur in several files and revisions', (t) => {
    const archive = make(t);
    const same = revision({
      texts: [
        { path: '/a', text: 'x' },
        { path: '/b', text: 'x' },
      ],
    });
    archive.append(same, 0);
    archive.append(same, 1);
    assert.deepEqual(archive.read(2)?.texts, same.texts);
  });

  test('a change based on an older revision is refused', (t) => {
    const archive = make(t);
    archive.append(revision(), 0);
    assert.equal(
      codeOf(() => archive.append(revision({ uid: 1 }), 0)),
      'ARCHIVE_MOVED',
    );
    assert.equal(
      codeOf(() => archive.append(revision({ uid: 1 }), 2)),
      'ARCHIVE_MOVED',
    );
    assert.equal(archive.heads().length, 1);
    assert.equal(archive.append(revision({ uid: 1 }), 1), 2);
  });
}

function trialCase(make: (t: TestContext) => ProfileArchive): void {
  test('a revision is on trial until it is kept or another one follows', (t) => {
    const archive = make(t);
    assert.equal(archive.onTrial(), undefined);
    archive.append(revision(), 0);
    assert.equal(archive.onTrial(), undefined);
    archive.keep(1);
    archive.append(revision(), 1, true);
    assert.equal(archive.onTrial(), 2);
    assert.deepEqual(archive.read(2), { number: 2, ...revision() });
    archive.keep(1);
    assert.equal(archive.onTrial(), 2);
    archive.keep(2);
    assert.equal(archive.onTrial(), undefined);
    archive.append(revision(), 2, true);
    archive.append(revision({ verb: 'again', again: 2, texts: [], racf: undefined }), 3);
    assert.equal(archive.onTrial(), undefined);
    assert.equal(
      codeOf(() => archive.append(revision(), 3, true)),
      'ARCHIVE_MOVED',
    );
    assert.equal(archive.onTrial(), undefined);
  });
}
