// Which archive and which guard a request is about, and whether they belong together.

/** What was named; undefined: the usual place. */
export interface Places {
  /** The directory with the archive of applied profiles. */
  readonly state: string | undefined;
  /** The directory of bpffs with the names of the guard. */
  readonly pins: string | undefined;
}

/**
 * Whether a change of the archive changes what the kernel enforces: only root's does, and another archive than that of
 * the guard must not.
 */
export function isOfGuard({ state, pins }: Places, uid: number): boolean {
  return uid === 0 && (state === undefined || pins !== undefined);
}

/** Whether the archive is that of the guard: where the rules of a guard at another place are recorded is not known. */
export function isArchiveOfGuard({ state, pins }: Places): boolean {
  return state !== undefined || pins === undefined;
}
