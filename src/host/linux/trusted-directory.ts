// Directories whose files are believed: only their owner may put something into them.
import { lstatSync } from 'node:fs';
import { messageOf } from '../../base/errors.ts';

/** Write permission for the group and for others. */
const WRITE_BY_OTHERS = 0o022;

/**
 * Why what lies in a directory is not believed, as the end of a sentence; undefined where it is, and where there is no
 * such directory. It has to belong to one of the `owners`. A link is refused: another user can move one that they own.
 */
export function whyUntrusted(directory: string, owners: readonly number[]): string | undefined {
  try {
    const stat = lstatSync(directory, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (!stat.isDirectory()) return 'is not a directory';
    if (!owners.includes(stat.uid)) return `belongs to uid ${stat.uid}`;
    return (stat.mode & WRITE_BY_OTHERS) === 0 ? undefined : 'can be written by others';
  } catch (thrown) {
    return `cannot be inspected: ${messageOf(thrown)}`;
  }
}
