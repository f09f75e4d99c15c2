// The interface of the archive of applied profiles, and its records.

/** A file of a profile, as it was read. */
export interface ArchivedText {
  /** The path by which the other files of the profile include it. */
  readonly path: string;
  readonly text: string;
}

/** The options that a profile was read with. */
export interface ArchivedOptions {
  /** Job names were limited to the 8 characters of z/OS. */
  readonly zosNames: boolean;
  /** The system symbols by name. */
  readonly symbols: Readonly<Record<string, string>>;
  /** Entries with errors were ignored; if false, there were none. */
  readonly keepGoing: boolean;
  /** The name of the TCP/IP stack, a qualifier of SAF resources. */
  readonly tcpname: string;
}

/** A change of the profile in force, to be recorded. */
export interface NewRevision {
  /** In milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  readonly uid: number;
  /** The name of that user; undefined if no account has the uid. */
  readonly user: string | undefined;
  /** `apply` replaced the profile in force, `obey` added to it, `again` restored a revision. */
  readonly verb: 'apply' | 'obey' | 'again';
  /** With `again`: the number of the restored revision. */
  readonly again: number | undefined;
  readonly options: ArchivedOptions;
  /** The root first, then the included files; empty with `again`. */
  readonly texts: readonly ArchivedText[];
  /** The RACF commands applied with it. */
  readonly racf: ArchivedText | undefined;
}

/** A recorded change of the profile in force. */
export interface Revision extends NewRevision {
  /** Consecutive, from 1. */
  readonly number: number;
}

/** A revision without its texts. */
export interface RevisionHead extends Omit<Revision, 'texts' | 'racf'> {
  /** The paths of its texts, the root first. */
  readonly paths: readonly string[];
}

/**
 * The archive of applied profiles. Revisions are only added. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all environment), without overwriting anything.
 */
export interface ProfileArchive {
  /** Every revision, oldest first; none if there is no archive yet. Reading does not create it. */
  heads(): RevisionHead[];
  /** A revision with its texts; undefined if there is no revision of that number. */
  read(number: number): Revision | undefined;
  /**
   * Adds a revision atomically and returns its number. `after` is the latest revision that the caller knows, 0 for
   * none: throws PortreeveError `ARCHIVE_MOVED` (refused) if there is a later one. A revision on trial is marked so
   * until `keep`.
   */
  append(revision: NewRevision, after: number, isOnTrial?: boolean): number;
  /** The latest revision, if it is on trial. */
  onTrial(): number | undefined;
  /** Ends the trial of a revision, which stays in force. */
  keep(number: number): void;
}
