// A change of a setting of the kernel, as it is recorded to be taken back.

/** A setting of the kernel that we have written. */
export interface SysctlChange {
  readonly name: string;
  /** The value that is to be there when we are gone: what was found, and what others have made of it since. */
  readonly found: string;
  /** What we wrote last. */
  readonly written: string;
  /** What was there when that write began; undefined when it is known to have ended. */
  readonly before: string | undefined;
}
