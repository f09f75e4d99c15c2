// What `portreeve apply` and `obey` work with, and whether they reach the guard.

import { readBytes, readText } from '../../host/linux/files.ts';
import { systemClock } from '../../host/linux/linux-clock.ts';
import type { Io } from '../../kit/io.ts';
import type { ApplyDoors } from '../../profile/app/apply.ts';
import { ownState } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';

/** Where the archive is, and where the guard. */
export interface Places {
  readonly state?: string;
  readonly pins?: string;
}

/** What a change of the profile is made with. */
export function applyDoors(
  { state }: Pick<Places, 'state'>,
  io: Io,
  users: Pick<ApplyDoors['files'], 'readText'> = { readText },
): ApplyDoors {
  const archive = new SqliteProfileArchive(ownState(state, io));
  return { files: { readBytes, readText: users.readText }, archive, clock: systemClock, uid: io.uid };
}

/** Another archive than the one that the guard goes by must not change what the kernel does. */
export function isOfGuard({ state, pins }: Places, { uid }: Io): boolean {
  return uid === 0 && (state === undefined || pins !== undefined);
}
