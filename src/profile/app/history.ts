// Looks at what was applied.
import type { ProfileArchive, Revision } from '../../host/host.ts';
import { revisionUnknown } from './in-force.ts';

export type { ArchivedText, ProfileArchive, Revision, RevisionHead } from '../../host/host.ts';

/** A revision with its texts. Throws PortreeveError `REVISION_UNKNOWN` (refused). */
export function readRevision(archive: ProfileArchive, number: number): Revision {
  const revision = archive.read(number);
  if (revision) return revision;
  throw revisionUnknown(number, archive.heads());
}
