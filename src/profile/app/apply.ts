// Changing the profile in force: a plan first, which changes nothing, then a record of it, or nothing.
import type { Clock } from '../../base/clock.ts';
import type { Files } from '../../host/host.ts';
import { identityOfUid, readUsers } from '../../job/app/users.ts';
import type { NewRevision, ProfileArchive } from '../core/archive.ts';
import { diffProfiles, type ProfileChange } from '../core/diff.ts';
import { type InForce, profileAfter, profileInForce } from './in-force.ts';
import { loadProfile, type ReadingOptions } from './load.ts';
import type { LoadedRacf } from './racf.ts';
import { joinReports, NOTHING_TO_REPORT, type Report } from './report.ts';

/** What it takes to plan and to record. */
export interface ApplyDeps {
  readonly files: Pick<Files, 'readBytes' | 'readText'>;
  readonly archive: ProfileArchive;
  readonly clock: Pick<Clock, 'now'>;
  /** Who asks. */
  readonly uid: number;
}

/** What it takes to bring back a revision, whose texts are in the archive. */
interface AgainDeps extends Omit<ApplyDeps, 'files'> {
  readonly files: Pick<Files, 'readText'>;
}

/** A file that is to be applied or obeyed. */
export interface ApplyRequest {
  readonly verb: 'apply' | 'obey';
  /** An absolute path: it is what others find the file by later. */
  readonly path: string;
  readonly reading: ReadingOptions;
  /** Ignore what the rules ignore, as z/OS does, and take the rest. */
  readonly keepGoing: boolean;
  readonly tcpname: string;
  /** The RACF commands that go with it. */
  readonly racf: LoadedRacf | undefined;
}

/** What would change. */
export interface Plan {
  readonly report: Report;
  readonly changes: readonly ProfileChange[];
  /** There are errors, and nobody said that they are to be ignored. */
  readonly isRefused: boolean;
  readonly revision: NewRevision;
  /** What is in force, and what would be. */
  readonly before: InForce;
  readonly wanted: InForce;
  /** The number of the revision that was the latest when the plan was made; 0 for none. */
  readonly after: number;
}

/** Plans to apply or to obey a file. Throws PortreeveError for one that is not there, cannot be read or is no text. */
export function planApply(deps: ApplyDeps, request: ApplyRequest): Plan {
  const { verb, path, reading, keepGoing, tcpname, racf } = request;
  const before = profileInForce(deps.archive);
  const loaded = loadProfile(path, deps.files, reading, verb === 'obey' ? before.profile : undefined);
  const report = joinReports(loaded.report, racf?.report ?? NOTHING_TO_REPORT);
  const options = { ...reading, keepGoing, tcpname };
  const kept = verb === 'obey' ? before.racf : undefined;
  return {
    report,
    changes: diffProfiles(before.profile, loaded.profile),
    isRefused: report.counts.error > 0 && !keepGoing,
    revision: {
      ...recordedBy(deps),
      verb,
      again: undefined,
      options,
      texts: loaded.texts,
      racf: racf?.text,
    },
    before,
    wanted: { head: undefined, profile: loaded.profile, racf: racf?.text ?? kept, options },
    after: numberOf(before),
  };
}

/** Plans to bring back what was in force after a revision. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function planAgain(deps: AgainDeps, number: number): Plan {
  const before = profileInForce(deps.archive);
  const wanted = profileAfter(deps.archive, number);
  const options = wanted.options ?? { zosNames: false, symbols: {}, keepGoing: false, tcpname: '' };
  return {
    report: NOTHING_TO_REPORT,
    changes: diffProfiles(before.profile, wanted.profile),
    isRefused: false,
    revision: { ...recordedBy(deps), verb: 'again', again: number, options, texts: [], racf: undefined },
    before,
    wanted,
    after: numberOf(before),
  };
}

/**
 * Carries a plan out, for good or on trial, and gives the number of its revision. Throws PortreeveError
 * `ARCHIVE_MOVED` (refused) if another change came first, and what the archive throws that cannot be written; nothing
 * is changed then.
 */
export function carryOut(
  { archive }: Pick<ApplyDeps, 'archive'>,
  { revision, after }: Plan,
  isOnTrial = false,
): number {
  return archive.append(revision, after, isOnTrial);
}

function recordedBy({ clock, uid, files }: AgainDeps): Pick<NewRevision, 'timeMs' | 'uid' | 'user'> {
  return { timeMs: clock.now(), uid, user: identityOfUid(uid, readUsers(files)).name };
}

function numberOf({ head }: InForce): number {
  return head?.number ?? 0;
}
