// The dependencies of the profile commands: the files of this host, and the archive of applied profiles.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { linuxFiles, readBytes, replaceFile } from '../../host/linux/files.ts';
import { PROFILE_DATABASE } from '../../host/linux/state-files.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import type { ProfileArchive } from '../core/archive.ts';
import { SqliteProfileArchive } from '../linux/profile-archive.ts';

export const profileFiles = { ...linuxFiles, readBytes, replaceFile };

/** The state directory to write: --state, otherwise the user's. */
export function ownState(state: string | undefined, io: Io): string {
  return resolve(state ?? directoriesOf(io.uid, io.env).state);
}

/** The state directory to read: --state, otherwise the user's if it has an archive, otherwise the system's. */
export function stateToRead(state: string | undefined, io: Io): string {
  const own = ownState(state, io);
  const isOwn = state !== undefined || existsSync(join(own, PROFILE_DATABASE));
  return isOwn ? own : SYSTEM_DIRECTORIES.state;
}

/** The archive to read. */
export function archiveToRead(state: string | undefined, io: Io): ProfileArchive {
  return new SqliteProfileArchive(stateToRead(state, io));
}
