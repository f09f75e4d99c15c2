// Interface of the record of files that the doctor has changed, from which `portreeve doctor --undo` restores them.

export interface FileChange {
  readonly path: string;
  /** The text before the first change; undefined where there was no file. */
  readonly before: string | undefined;
  /** The text that the doctor wrote. */
  readonly after: string;
}

export interface FileRecord {
  /** Throws PortreeveError `RECORD_DAMAGED` and `FILE_UNREADABLE` (environment). */
  read(): readonly FileChange[];
  /** Replaces the record atomically. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
  write(changes: readonly FileChange[]): void;
}
