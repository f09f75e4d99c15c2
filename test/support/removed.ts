// Removes a cgroup directory as soon as it is empty.

import { rmdirSync } from 'node:fs';

/** Removes it; false if it is not empty yet. */
export function isRemoved(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return false;
  }
}
