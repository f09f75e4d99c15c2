// Tests that the state in force is found in bounded steps even if the archive is damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revision } from '../../../test/support/profile-archive-cases.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import type { NewRevision, RevisionHead } from '../core/archive.ts';
import { profileInForce } from './in-force.ts';

/** More than an archive of three revisions needs; an endless loop fails instead of hanging the test. */
const READS_MAX = 20;

/** An archive that fails on endless loops. */
class WatchedArchive extends SimProfileArchive {
  override heads(): RevisionHead[] {
    let reads = 0;
    return super.heads().map((head) =>
      Object.defineProperty({ ...head }, 'again', {
        get: () => {
          assert.ok(++reads <= READS_MAX, 'endless loop through the revisions');
          return head.again;
        },
      }),
    );
  }
}

const again = (number: number): Partial<NewRevision> => {
  return { verb: 'again', again: number, texts: [], racf: undefined };
};

const CYCLES: Record<string, readonly Partial<NewRevision>[]> = {
  'restores itself': [again(2)],
  'restores a later one': [again(3), { verb: 'obey', texts: [] }],
  'restores one that restores it': [again(3), again(2)],
};

for (const [what, changes] of Object.entries(CYCLES)) {
  test(`a revision that ${what} counts as the one before it`, () => {
    const archive = new WatchedArchive();
    [{}, ...changes].forEach((each, after) => void archive.append(revision(each), after));
    const { head, profile } = profileInForce(archive);
    assert.equal(head?.number, changes.length + 1);
    assert.deepEqual(
      profile.reservations.map(({ first }) => first),
      [80],
    );
  });
}
