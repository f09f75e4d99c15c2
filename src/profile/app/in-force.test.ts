// What is in force is found in bounded steps, also where the archive is damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revision } from '../../../test/support/profile-archive-cases.ts';
import { SimProfileArchive } from '../../../test/support/sim/profile-archive.ts';
import type { NewRevision, RevisionHead } from '../core/archive.ts';
import { profileInForce } from './in-force.ts';

/** More than an archive of three revisions takes: an endless loop fails instead of keeping the test from ending. */
const READS_MAX = 20;

/** An archive that lets nobody go round in circles. */
class WatchedArchive extends SimProfileArchive {
  override heads(): RevisionHead[] {
    let reads = 0;
    return super.heads().map((head) =>
      Object.defineProperty({ ...head }, 'again', {
        get: () => {
          assert.ok(++reads <= READS_MAX, 'the revisions are followed without an end');
          return head.again;
        },
      }),
    );
  }
}

const again = (number: number): Partial<NewRevision> => {
  return { verb: 'again', again: number, texts: [], racf: undefined };
};

const CIRCLES: Record<string, readonly Partial<NewRevision>[]> = {
  'brings back itself': [again(2)],
  'brings back a later one': [again(3), { verb: 'obey', texts: [] }],
  'brings back one that brings it back': [again(3), again(2)],
};

for (const [what, changes] of Object.entries(CIRCLES)) {
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
