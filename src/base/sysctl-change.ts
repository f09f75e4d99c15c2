// The record of a change to a kernel setting, from which it can be reverted.

export interface SysctlChange {
  readonly name: string;
  /** The value to restore: the value found, with the changes that others have made since. */
  readonly found: string;
  /** The value we wrote last. */
  readonly written: string;
  /** The value before that write. Undefined once the write is known to be complete. */
  readonly before: string | undefined;
}
