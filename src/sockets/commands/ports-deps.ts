// The dependencies of the commands that list ports. Slow modules are loaded only when needed.

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
import type { SocketDeps } from '../app/read-sockets.ts';
import { LinuxOpenSockets, type Thoroughness } from '../linux/open-sockets.ts';

export interface PortsReadOptions {
  /** The daemon's runtime directory; undefined: the user's own, then the system's. */
  readonly runtime?: string | undefined;
  /** The directory of the record of applied profiles. If given, the daemon, which has its own, is not queried. */
  readonly state?: string | undefined;
  /** Without a daemon: see Thoroughness. */
  readonly thoroughness?: Thoroughness;
  /** Without a daemon: whether to read port names. */
  readonly isNamed?: boolean;
  /** Without a daemon: whether sockets are read repeatedly, so that users must not be cached. */
  readonly isWatching?: boolean;
}

/** What other features know about ports. Each loads its modules on demand. */
export interface PortSources {
  /** The registrations of this host's port mapper. */
  readonly registrations: (io: Io) => Promise<readonly RegisteredProgram[]>;
  /** Of the latest applied profile in that state directory. */
  readonly reservations: (state: string) => Promise<Reservations>;
}

export interface PortsCommandDeps {
  readonly io: Io;
  readonly sources: PortSources;
}

/** The socket that libtirpc uses on its own host. */
const RPCBIND_SOCKET = '/run/rpcbind.sock';

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
  return [RPCBIND_SOCKET, ...daemons].some((path) => existsSync(path));
}

/** The files of the host, with the recorded answers of its user database if a profile was applied. */
function filesHere(state: string | undefined, files: UserFiles, io: Io): SocketDeps['files'] {
  const directory = stateWith(USER_DATABASE, state, io);
  return directory === undefined ? files : hostFiles(directory, files);
}

/** The state directory that contains `file`: the named one, or the user's own, then the system's. */
function stateWith(file: string, named: string | undefined, io: Io): string | undefined {
  const directories = named === undefined ? usualDirectories(io).map(({ state }) => state) : [named];
  return directories.find((each) => existsSync(join(each, file)));
}
