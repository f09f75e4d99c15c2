// What the commands of the profile work with on this host: its files, and the archive of profiles.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { linuxFiles, readBytes, replaceFile } from '../../host/linux/files.ts';
import { PROFILE_DATABASE } from '../../host/linux/state-files.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import type { ProfileArchive } from '../core/archive.ts';
import { SqliteProfileArchive } from '../linux/profile-archive.ts';

/** The files of this host. */
export const profileFiles = { ...linuxFiles, readBytes, replaceFile };

/** The directory whose archive is changed: the one that was named, else one's own. */
export function ownState(state: string | undefined, io: Io): string {
  return resolve(state ?? directoriesOf(io.uid, io.env).state);
}

/** The directory whose archive is looked at: the one that was named, else one's own, else the system's. */
export function stateToRead(state: string | undefined, io: Io): string {
  const own = ownState(state, io);
  const isOwn = state !== undefined || existsSync(join(own, PROFILE_DATABASE));
  return isOwn ? own : SYSTEM_DIRECTORIES.state;
}

/** The archive that is looked at. */
export function archiveToRead(state: string | undefined, io: Io): ProfileArchive {
  return new SqliteProfileArchive(stateToRead(state, io));
}
