// The archive and the guard that a request names, and whether they belong together.

/** Undefined: the default place. */
export interface Places {
  /** The directory with the archive of applied profiles. */
  readonly state: string | undefined;
  /** The directory of the guard in bpffs. */
  readonly pins: string | undefined;
}

/**
 * Whether a change of the archive also changes what the kernel enforces: only if root makes it, and the archive is that
 * of the guard.
 */
export function changesGuard({ state, pins }: Places, uid: number): boolean {
  return uid === 0 && (state === undefined || pins !== undefined);
}

/** Whether the archive is that of the guard. It is unknown where a guard at another place has its archive. */
export function isArchiveOfGuard({ state, pins }: Places): boolean {
  return state !== undefined || pins === undefined;
}
