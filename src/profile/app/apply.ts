// Changes the profile in force in two steps: a plan, which changes nothing, and its record in the archive.
import type { Clock } from '../../base/clock.ts';
import type { Files } from '../../host/host.ts';
import { identityOfUid, readUsers } from '../../job/app/users.ts';
import type { NewRevision, ProfileArchive } from '../core/archive.ts';
import { diffProfiles, type ProfileChange } from '../core/diff.ts';
import { type InForce, profileAfter, profileInForce } from './in-force.ts';
import { loadProfile, type ReadingOptions } from './load.ts';
import type { LoadedRacf } from './racf.ts';
import { EMPTY_REPORT, joinReports, type Report } from './report.ts';

export interface ApplyDeps {
  readonly files: Pick<Files, 'readBytes' | 'readText'>;
  readonly archive: ProfileArchive;
  readonly clock: Pick<Clock, 'now'>;
  /** The user who makes the change. */
  readonly uid: number;
}

/** To restore a revision, whose texts are in the archive. */
interface AgainDeps extends Omit<ApplyDeps, 'files'> {
  readonly files: Pick<Files, 'readText'>;
}

/** A file to apply or obey. */
export interface ApplyRequest {
  readonly verb: 'apply' | 'obey';
  /** Absolute, since it is recorded. */
  readonly path: string;
  readonly reading: ReadingOptions;
  /** Ignore entries with errors, as z/OS does. */
  readonly keepGoing: boolean;
  readonly tcpname: string;
  readonly racf: LoadedRacf | undefined;
}

/** A planned change. */
export interface Plan {
  readonly report: Report;
  readonly changes: readonly ProfileChange[];
  /** There are errors, without `keepGoing`. */
  readonly isRefused: boolean;
  readonly revision: NewRevision;
  /** The state in force, and the planned one. */
  readonly before: InForce;
  readonly wanted: InForce;
  /** The latest revision when the plan was made; 0 for none. */
  readonly after: number;
}

/** Plans to apply or obey a file. Throws PortreeveError for a file that is missing, unreadable or not text. */
export function planApply(deps: ApplyDeps, request: ApplyRequest): Plan {
  const { verb, path, reading, keepGoing, tcpname, racf } = request;
  const before = profileInForce(deps.archive);
  const loaded = loadProfile(path, deps.files, reading, verb === 'obey' ? before.profile : undefined);
  const report = joinReports(loaded.report, racf?.report ?? EMPTY_REPORT);
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

/** Plans to restore the state after a revision. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function planAgain(deps: AgainDeps, number: number): Plan {
  const before = profileInForce(deps.archive);
  const wanted = profileAfter(deps.archive, number);
  const options = wanted.options ?? { zosNames: false, symbols: {}, keepGoing: false, tcpname: '' };
  return {
    report: EMPTY_REPORT,
    changes: diffProfiles(before.profile, wanted.profile),
    isRefused: false,
    revision: { ...recordedBy(deps), verb: 'again', again: number, options, texts: [], racf: undefined },
    before,
    wanted,
    after: numberOf(before),
  };
}

/**
 * Records a plan, permanently or on trial, and returns the number of its revision. Throws PortreeveError
 * `ARCHIVE_MOVED` (refused) if another change came first, and the errors of ProfileArchive, without changing anything.
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
