/** Directories of cgroups that go as soon as nothing is in them. */

import { rmdirSync } from 'node:fs';

/** Removes it; false where that cannot be yet. */
export function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
