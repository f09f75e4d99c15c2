// Checks that only the owner of a directory can create files in it.
import { lstatSync } from 'node:fs';
import { messageOf } from '../../base/errors.ts';

/** Write permission for group and others. */
export const WRITE_BY_OTHERS = 0o022;

/**
 * Why the contents of a directory are not trusted, as the end of a sentence. Undefined if they are, or if it does not
 * exist. It must belong to one of the `owners`. A link is refused, because another user who owns it could change it.
 */
export function whyUntrusted(directory: string, owners: readonly number[]): string | undefined {
  try {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (!stat.isDirectory()) return 'is not a directory';
    if (!owners.includes(stat.uid)) return `belongs to uid ${stat.uid}`;
    return (stat.mode & WRITE_BY_OTHERS) === 0 ? undefined : 'is writable by other users';
  } catch (thrown) {
    return `cannot be inspected: ${messageOf(thrown)}`;
  }
}
