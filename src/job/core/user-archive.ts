// The interface of the archive of users and groups that only the host's user database (NSS) knows.

/** A user that is in the user database but not in /etc/passwd, as in the latest answer. */
export interface KnownUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The user was seen, but is not named in a rule. */
  readonly isSeen: boolean;
}

export interface KnownGroup {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

export interface KnownUsers {
  readonly users: readonly KnownUser[];
  readonly groups: readonly KnownGroup[];
}

/**
 * Used while the user database is unavailable, as at boot. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all environment).
 */
export interface UserArchive {
  read(): KnownUsers;
  /** Replaces the contents by the result of `change`, atomically, and returns it. */
  change(change: (known: KnownUsers) => KnownUsers): KnownUsers;
  /** Changes whenever the archive does; undefined if there is no archive. */
  stamp(): string | undefined;
}
