// The record of files that the doctor has changed, as its users see it.

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
  /** None where nothing is changed. Throws PortreeveError `RECORD_DAMAGED` and `FILE_UNREADABLE` (environment). */
  read(): readonly FileChange[];
  /** Puts others in their place, whole or not at all. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
  write(changes: readonly FileChange[]): void;
}
