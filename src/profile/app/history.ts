// Looks at what was applied.
import type { ProfileArchive, Revision } from '../core/archive.ts';
import { revisionUnknown } from './in-force.ts';

/** A revision with its texts. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function readRevision(archive: ProfileArchive, number: number): Revision {
  const revision = archive.read(number);
  if (revision) return revision;
  throw revisionUnknown(number, archive.heads());
}
