// The real dependencies of `portreeve explain`. Slow modules are loaded only where they have something to report.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EventLine } from '../../guard/app/events-request.ts';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { ownsNetwork } from '../../host/linux/network-owner.ts';
import { EVENT_DATABASE } from '../../host/linux/state-files.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import { hostFiles } from '../../job/commands/deps.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { GUARD_PINS, usualDirectories } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { loadIana } from '../../names/commands/deps.ts';
import type { Iana } from '../../names/core/iana.ts';
import { stateToRead } from '../../profile/commands/deps.ts';
import { readProfileSettings } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import type { ExplainDeps } from '../app/explain.ts';
import type { ExplainOptions } from './index.ts';

/** This host, as far as the calling user may see it. */
export function explainDeps({ state }: ExplainOptions, io: Io): ExplainDeps {
  let iana: Promise<Iana> | undefined;
  return {
    uid: io.uid,
    ownsNetwork,
    sockets: new LinuxOpenSockets(),
    files: hostFiles(stateToRead(state, io)),
    cgroups: cgroupsIfAny(),
    sysctls: linuxSysctls,
    archive: new SqliteProfileArchive(stateToRead(state, io)),
    settings: async () => await readProfileSettings({}, io),
    iana: () => {
      iana ??= loadIana();
      return iana;
    },
    guard: async () => {
      if (io.uid === 0 && !existsSync(GUARD_PINS)) return 'off';
      return await (await import('../../guard/commands/guard-here.ts')).guardHere(io);
    },
    events: async (port) => await eventsOf(port, state, io),
    registrations: async () =>
      await (await import('../../portmap/commands/registrations-here.ts')).registrationsHere(io),
  };
}

/** The same for single ports; collects only what one port needs, which is faster. */
export function quickExplainDeps(options: ExplainOptions, io: Io): ExplainDeps {
  // 'some' finds one owner and its related processes; unrelated processes that were passed the socket may be missing.
  return { ...explainDeps(options, io), sockets: new LinuxOpenSockets('some') };
}

async function eventsOf(port: number, state: string | undefined, io: Io): Promise<readonly EventLine[]> {
  const [own, system] = usualDirectories(io);
  const files = [
    ...[own, system].map(({ runtime }) => join(runtime, STATUS_SOCKET)),
    ...[state ?? own.state, system.state].map((directory) => join(directory, EVENT_DATABASE)),
  ];
  if (!files.some((file) => existsSync(file))) return [];
  const [{ latestEvents }, { eventsDeps }] = await Promise.all([
    import('../../guard/app/read-events.ts'),
    import('../../guard/commands/events-deps.ts'),
  ]);
  const place = { runtime: undefined, state: state && resolve(state) };
  return await latestEvents(eventsDeps(io), port, io.clock.now(), place);
}
