// Where `portreeve events` reads on this host: the running daemon, and the archives of events.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../host/linux/linux-clock.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { lookSocketIn, requireTrusted } from '../../kit/daemon-status.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { followLines } from '../../kit/follow.ts';
import type { Io } from '../../kit/io.ts';
import type { EventsDeps } from '../app/read-events.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';

export const clock = systemClock;

export function eventsDeps(io: Io): EventsDeps {
  const own = directoriesOf(io.uid, io.env);
  return {
    daemonLines: async function* (directory, path, isNamed) {
      if (!isNamed) requireTrusted(directory, io.uid);
      yield* followLines(lookSocketIn(directory, io.uid), path, { signal: io.unread });
    },
    archiveIn: (state) => new SqliteEventArchive(state),
    hasArchive: (state) => existsSync(join(state, EVENT_DATABASE)),
    runtimes: [own.runtime, SYSTEM_DIRECTORIES.runtime],
    states: [own.state, SYSTEM_DIRECTORIES.state],
  };
}
