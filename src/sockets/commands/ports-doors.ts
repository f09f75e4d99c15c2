// What ports are looked at with on this host; what is dear is loaded only where there is something to see.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { interfaceName } from '../../host/linux/interface-name.ts';
import { PROFILE_DATABASE, USER_DATABASE } from '../../host/linux/state-files.ts';
import { hostFiles } from '../../job/commands/host-files.ts';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { LOOK_SOCKET } from '../../kit/status-report.ts';
import { NO_NAMES } from '../app/port-names.ts';
import { namesBy, type PortsDoors } from '../app/ports-answer.ts';
import type { SeeDoors } from '../app/see.ts';
import { LinuxOpenSockets, type Thoroughness } from '../linux/open-sockets.ts';

/** What is looked for, and where. */
export interface PortsLookOptions {
  /** The directory of the daemon that is asked; undefined: the user's own, then the system's. */
  readonly runtime?: string | undefined;
  /** Where the record of applied profiles is; then the daemon, which has its own, is not asked. */
  readonly state?: string | undefined;
  /** Where we look: whether every owner of a socket is looked for, or one and his kin. */
  readonly thoroughness?: Thoroughness;
  /** Where we look: whether names are wanted. */
  readonly isNamed?: boolean;
}

/** Where libtirpc asks on its own host. */
const USUAL_PORTMAP = '/run/rpcbind.sock';

/** What sockets are seen with; see LinuxOpenSockets for `thoroughness`. */
export function doorsHere(
  thoroughness: Thoroughness = 'all',
  files: SeeDoors['files'] = linuxFiles,
): SeeDoors {
  return { sockets: new LinuxOpenSockets(thoroughness), files, cgroups: cgroupsIfAny() };
}

/** The same, and what names are gathered with. */
export function portsDoors({ state, thoroughness, isNamed = true }: PortsLookOptions, io: Io): PortsDoors {
  const files = filesHere(state, io);
  const names = namesBy({ files, registrations: () => registrations(io), archive: () => archive(state, io) });
  return { ...doorsHere(thoroughness, files), names: isNamed ? names : async () => NO_NAMES, interfaceName };
}

async function registrations(io: Io) {
  const runtimes = [directoriesOf(io.uid, io.env).runtime, SYSTEM_DIRECTORIES.runtime];
  const places = [USUAL_PORTMAP, ...runtimes.map((directory) => join(directory, LOOK_SOCKET))];
  if (!places.some((place) => existsSync(place))) return [];
  const { registrationsHere } = await import('../../portmap/commands/registrations.ts');
  return await registrationsHere(io);
}

/** The files of the host, with what its user database has answered where something was applied. */
function filesHere(state: string | undefined, io: Io): SeeDoors['files'] {
  const directories = state === undefined ? statesHere(io) : [state];
  const directory = directories.find((each) => existsSync(join(each, USER_DATABASE)));
  return directory === undefined ? linuxFiles : hostFiles(directory);
}

function statesHere(io: Io): readonly string[] {
  return [directoriesOf(io.uid, io.env).state, SYSTEM_DIRECTORIES.state];
}

/** One's own, else the system's; undefined where nothing was applied. */
async function archive(state: string | undefined, io: Io) {
  const directories = state === undefined ? statesHere(io) : [state];
  const directory = directories.find((each) => existsSync(join(each, PROFILE_DATABASE)));
  if (directory === undefined) return undefined;
  const { SqliteProfileArchive } = await import('../../profile/linux/profile-archive.ts');
  return new SqliteProfileArchive(directory);
}
