// The archive of applied profiles, as the features that use it see it.

/** A file of a profile, as it was when it was read. */
export interface ArchivedText {
  /** The path under which the profile's other files name it. */
  readonly path: string;
  readonly text: string;
}

/** What else the meaning of a profile's texts depends on. */
export interface ArchivedOptions {
  /** Job names were held to those of z/OS. */
  readonly zosNames: boolean;
  /** The values of the system symbols, by name. */
  readonly symbols: Readonly<Record<string, string>>;
  /** What the rules ignore was ignored; otherwise there was nothing of that kind. */
  readonly keepGoing: boolean;
  /** The name of the TCP/IP stack, which is a part of the names of SAF resources. */
  readonly tcpname: string;
}

/** A change of the profile in force, as it is handed to the archive. */
export interface NewRevision {
  /** When, in milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  readonly uid: number;
  /** The name of that user; undefined where no account has the uid. */
  readonly user: string | undefined;
  /** `apply` put the texts in the place of what was in force, `obey` added them, `again` brought a revision back. */
  readonly verb: 'apply' | 'obey' | 'again';
  /** With `again`: the number of the revision after which the same was in force. */
  readonly again: number | undefined;
  readonly options: ArchivedOptions;
  /** The root first, then what it includes; empty with `again`. */
  readonly texts: readonly ArchivedText[];
  /** The RACF commands that went with it. */
  readonly racf: ArchivedText | undefined;
}

/** A change of the profile in force. */
export interface Revision extends NewRevision {
  /** 1 for the first, each one more than the one before it. */
  readonly number: number;
}

/** A revision without its texts. */
export interface RevisionHead extends Omit<Revision, 'texts' | 'racf'> {
  /** The paths of its texts, the root first. */
  readonly paths: readonly string[];
}

/**
 * The archive of what was applied: it only grows. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all world); nothing is overwritten then.
 */
export interface ProfileArchive {
  /** Every revision, oldest first; none where there is no archive yet, which looking does not make. */
  heads(): RevisionHead[];
  /** A revision with its texts; undefined if there is none of that number. */
  read(number: number): Revision | undefined;
  /**
   * Adds a revision, whole or not at all, and gives its number. `after` is the number of the latest revision that the
   * caller knows, 0 for none: throws PortreeveError `ARCHIVE_MOVED` (refused) if there is a later one. One that is on
   * trial is marked as that until it is kept.
   */
  append(revision: NewRevision, after: number, isOnTrial?: boolean): number;
  /** The latest revision, if it is on trial and was not kept. */
  onTrial(): number | undefined;
  /** A revision is not on trial any more: it stays. */
  keep(number: number): void;
}
