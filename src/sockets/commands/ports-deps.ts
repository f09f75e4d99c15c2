// What ports are looked at with on this host; what is dear is loaded only where there is something to see.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupsIfAny } from '../../host/linux/cgroups.ts';
import { linuxFiles } from '../../host/linux/files.ts';
import { interfaceName } from '../../host/linux/interface-name.ts';
import { PROFILE_DATABASE, USER_DATABASE } from '../../host/linux/state-files.ts';
import { type UserFiles, withUsersOnce } from '../../job/app/users.ts';
import { hostFiles } from '../../job/commands/deps.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { usualDirectories } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { NO_NAMES, type RegisteredProgram, type Reservations } from '../app/port-names.ts';
import { namesBy, type PortsDeps } from '../app/ports-answer.ts';
import type { SeeDeps } from '../app/see.ts';
import { LinuxOpenSockets, type Thoroughness } from '../linux/open-sockets.ts';

/** What is looked for, and where. */
export interface PortsReadOptions {
  /** The directory of the daemon that is asked; undefined: the user's own, then the system's. */
  readonly runtime?: string | undefined;
  /** Where the record of applied profiles is; then the daemon, which has its own, is not asked. */
  readonly state?: string | undefined;
  /** Where we look: whether every owner of a socket is looked for, or one and his kin. */
  readonly thoroughness?: Thoroughness;
  /** Where we look: whether names are wanted. */
  readonly isNamed?: boolean;
  /** Where we look: whether it goes on, so that users are looked up as they are at each moment. */
  readonly isWatching?: boolean;
}

/** What other features know of ports. Each loads what it needs when there is something to see. */
export interface PortSources {
  /** What is registered with the port mapper of this host. */
  readonly registrations: (io: Io) => Promise<readonly RegisteredProgram[]>;
  /** Of the profile that was applied last, as the state directory has it. */
  readonly reservations: (state: string) => Promise<Reservations>;
}

/** What the commands that list ports work with. */
export interface PortsCommandDeps {
  readonly io: Io;
  readonly sources: PortSources;
}

/** Where libtirpc asks on its own host. */
const USUAL_PORTMAP = '/run/rpcbind.sock';

/** What sockets are seen with (see LinuxOpenSockets for `thoroughness`), and what names are gathered with. */
export function portsDeps(options: PortsReadOptions, { io, sources }: PortsCommandDeps): PortsDeps {
  const { state, thoroughness = 'all', isNamed = true, isWatching = false } = options;
  const files = filesHere(state, isWatching ? linuxFiles : withUsersOnce(linuxFiles), io);
  const names = namesBy({
    files,
    registrations: async () => (hasPortMapper(io) ? await sources.registrations(io) : []),
    reservations: async () => {
      const directory = stateWith(PROFILE_DATABASE, state, io);
      return directory === undefined ? undefined : await sources.reservations(directory);
    },
  });
  return {
    sockets: new LinuxOpenSockets(thoroughness),
    files,
    cgroups: cgroupsIfAny(),
    names: isNamed ? names : async () => NO_NAMES,
    interfaceName,
  };
}

function hasPortMapper(io: Io): boolean {
  const daemons = usualDirectories(io).map(({ runtime }) => join(runtime, STATUS_SOCKET));
  const places = [USUAL_PORTMAP, ...daemons];
  return places.some((place) => existsSync(place));
}

/** The files of the host, with what its user database has answered where something was applied. */
function filesHere(state: string | undefined, files: UserFiles, io: Io): SeeDeps['files'] {
  const directory = stateWith(USER_DATABASE, state, io);
  return directory === undefined ? files : hostFiles(directory, files);
}

/** The state directory that has such a file: the one that was named, or one's own, else the system's. */
function stateWith(file: string, named: string | undefined, io: Io): string | undefined {
  const directories = named === undefined ? usualDirectories(io).map(({ state }) => state) : [named];
  return directories.find((each) => existsSync(join(each, file)));
}
