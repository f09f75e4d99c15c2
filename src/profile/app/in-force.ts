// Rebuilds the profile in force from the texts in the archive: the latest apply, and every obey since.
import { PortreeveError } from '../../base/errors.ts';
import type {
  ArchivedOptions,
  ArchivedText,
  ProfileArchive,
  Revision,
  RevisionHead,
} from '../core/archive.ts';
import { EMPTY_PROFILE, type Profile } from '../core/rules.ts';
import { replayProfile } from './load.ts';

/** The state that a revision put in force. */
export interface InForce {
  /** The revision; undefined if nothing was applied yet. */
  readonly head: RevisionHead | undefined;
  readonly profile: Profile;
  /** The latest RACF commands. */
  readonly racf: ArchivedText | undefined;
  /** The options of the latest text; undefined if there is none. */
  readonly options: ArchivedOptions | undefined;
}

const NOTHING: InForce = { head: undefined, profile: EMPTY_PROFILE, racf: undefined, options: undefined };

/** The state in force now. */
export function profileInForce(archive: ProfileArchive): InForce {
  const heads = archive.heads();
  const latest = heads.at(-1);
  return latest ? replayed(archive, heads, latest) : NOTHING;
}

/** The state in force after a revision. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function profileAfter(archive: ProfileArchive, number: number): InForce {
  const heads = archive.heads();
  const head = heads.find((each) => each.number === number);
  if (!head) throw revisionUnknown(number, heads);
  return replayed(archive, heads, head);
}

/** A revision with its texts. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function readRevision(archive: ProfileArchive, number: number): Revision {
  const revision = archive.read(number);
  if (revision) return revision;
  throw revisionUnknown(number, archive.heads());
}

function revisionUnknown(number: number, heads: readonly RevisionHead[]): PortreeveError {
  const latest = heads.at(-1)?.number;
  const hint =
    latest === undefined ? 'No profile has been applied yet.' : `The revisions are 1 to ${latest}.`;
  return new PortreeveError('REVISION_UNKNOWN', `there is no revision ${number}`, hint, {
    number,
  });
}

function replayed(archive: ProfileArchive, heads: readonly RevisionHead[], head: RevisionHead): InForce {
  let state: InForce = NOTHING;
  for (const number of revisionsLeadingTo(heads, head)) {
    const revision = archive.read(number);
    if (!revision) throw revisionUnknown(number, heads);
    const { texts, options, verb } = revision;
    const base = verb === 'obey' ? state : NOTHING;
    const { profile } = replayProfile(texts, options, base.profile);
    state = { head, profile, racf: revision.racf ?? base.racf, options };
  }
  return { ...state, head };
}

/** The revisions that make up the state after `head`: the latest apply before it, and every obey since. */
function revisionsLeadingTo(heads: readonly RevisionHead[], head: RevisionHead): number[] {
  const byNumber = new Map(heads.map((each) => [each.number, each]));
  const numbers: number[] = [];
  let at: RevisionHead | undefined = head;
  while (at) {
    if (at.verb !== 'again') numbers.push(at.number);
    if (at.verb === 'apply') break;
    // Always goes to an older revision, so that the loop ends.
    const before: number = at.verb === 'again' ? Math.min(at.again ?? 0, at.number - 1) : at.number - 1;
    at = byNumber.get(before);
  }
  return numbers.reverse();
}
