// Where `portreeve events` reads events on this host: from the running daemon, or from an archive.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { usualDirectories } from '../../kit/directories.ts';
import { followLines } from '../../kit/follow.ts';
import type { Io } from '../../kit/io.ts';
import { requireTrusted, statusSocketIn } from '../../kit/query-daemon.ts';
import type { EventsDeps } from '../app/read-events.ts';
import { SqliteEventArchive } from '../linux/event-archive.ts';

export function eventsDeps(io: Io): EventsDeps {
  const [own, system] = usualDirectories(io);
  return {
    daemonLines: async function* (directory, path, isNamed) {
      if (!isNamed) requireTrusted(directory, io.uid);
      yield* followLines(statusSocketIn(directory, io.uid), path, { signal: io.unread });
    },
    archiveIn: (state) => new SqliteEventArchive(state),
    hasArchive: (state) => existsSync(join(state, EVENT_DATABASE)),
    runtimes: [own.runtime, system.runtime],
    states: [own.state, system.state],
  };
}
