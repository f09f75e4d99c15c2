// The files of this host with the users that its user database has answered with, for commands that are to be light.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { linuxFiles } from '../../host/linux/files.ts';
import { USER_DATABASE } from '../../host/linux/state-files.ts';
import { type UserFiles, withUsersOnce } from '../app/users.ts';

/** What reads them: where nothing was answered, and mostly nothing was, nothing more is loaded. */
export async function knownFiles(state: string): Promise<UserFiles> {
  if (!existsSync(join(state, USER_DATABASE))) return withUsersOnce(linuxFiles);
  return (await import('./deps.ts')).hostFiles(state);
}
