// The archive of users and groups that only the host's user database (NSS) knows, as its users see it.

/** A user whom the host's user database knows and its passwd file does not, as the database answered last. */
export interface KnownUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** No rule spells out the name: the user was seen. */
  readonly isSeen: boolean;
}

/** A group of the same kind. */
export interface KnownGroup {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** What the user database has answered. */
export interface KnownUsers {
  readonly users: readonly KnownUser[];
  readonly groups: readonly KnownGroup[];
}

/**
 * The archive of it, which is used while the user database cannot be asked, as at boot. Its methods throw
 * PortreeveError `ARCHIVE_CORRUPT`, `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all world).
 */
export interface UserArchive {
  read(): KnownUsers;
  /** Puts what `change` makes of it in its place, and gives that; nobody else changes it meanwhile. */
  change(change: (known: KnownUsers) => KnownUsers): KnownUsers;
  /** What changes whenever it does; undefined while there is none. */
  stamp(): string | undefined;
}
