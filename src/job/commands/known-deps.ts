// The same as deps.ts for fast commands: loads the archive only if it exists.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { linuxFiles } from '../../host/linux/files.ts';
import { USER_DATABASE } from '../../host/linux/state-files.ts';
import { type UserFiles, withUsersOnce } from '../app/users.ts';

export async function knownFiles(state: string): Promise<UserFiles> {
  if (!existsSync(join(state, USER_DATABASE))) return withUsersOnce(linuxFiles);
  return (await import('./deps.ts')).hostFiles(state);
}
