// What outlives the processes: applied profiles, and the events of the guard. Interfaces only.
import type { GuardEvent, NewGuardEvent } from '../base/guard-event.ts';
import type { Protocol } from '../base/port.ts';

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

/** Which events are asked for: those to which all applies that is said. */
export interface EventQuery {
  /** Only those with a larger number. */
  readonly after: number;
  /** The most that are wanted. */
  readonly limit: number;
  readonly sinceMs?: number | undefined;
  readonly uid?: number | undefined;
  readonly job?: string | undefined;
  readonly protocol?: Protocol | undefined;
  readonly port?: number | undefined;
}

/** How many events the programs of a guard have counted as lost. */
export interface LostCount {
  /** Which guard: another one begins at 0. */
  readonly guard: string;
  readonly count: number;
}

/**
 * The archive of events, bounded by age and number. Its methods throw PortreeveError `ARCHIVE_CORRUPT`,
 * `ARCHIVE_FOREIGN`, `ARCHIVE_NEWER` and `ARCHIVE_FAILED` (all world).
 */
export interface EventArchive {
  /**
   * Adds events in their order, all or none, and notes how many were lost up to now. What is too old by `nowMs` goes;
   * if
   * there are too many, the oldest of the user who has most.
   */
  append(events: readonly NewGuardEvent[], nowMs: number, lost?: LostCount): void;
  /** The oldest of those that are asked for, in their order. */
  read(query: EventQuery): GuardEvent[];
  /** The number of the latest event that was ever added; 0 for none. */
  latest(): number;
  /** What was noted of a guard's lost events last; 0 for another guard. */
  lost(guard: string): number;
  close(): void;
}

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

/** A file of the host that we have changed. */
export interface FileChange {
  readonly path: string;
  /** Its text before our first change; undefined where there was no file. */
  readonly before: string | undefined;
  /** What we have written. */
  readonly after: string;
}

/** The record of the files that we have changed, so that it can be taken back. */
export interface FileRecord {
  /** None where nothing is changed. Throws PortreeveError `RECORD_DAMAGED` and `FILE_UNREADABLE` (world). */
  read(): readonly FileChange[];
  /** Puts others in their place, whole or not at all. Throws PortreeveError `FILE_UNWRITABLE` (world). */
  write(changes: readonly FileChange[]): void;
}

/** Ports from the first to the last. */
export interface PortSpan {
  readonly first: number;
  readonly last: number;
}

/** The record of the UDP ports that the guard has let others than root bind since the host was started. */
export interface GrantedPorts {
  /** Adds ports, before the guard lets anybody have them. Throws PortreeveError `FILE_UNWRITABLE` (world). */
  record(spans: readonly PortSpan[]): void;
}
