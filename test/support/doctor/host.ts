/** A simulated host for the tests of the doctor: files, settings, sockets, and the applied profile. */

import { PortreeveError } from '../../../src/base/errors.ts';
import type { SocketOwner } from '../../../src/base/open-socket.ts';
import type { SnapshotDeps } from '../../../src/doctor/app/snapshot.ts';
import type { BootFiles } from '../../../src/names/app/boot-settings.ts';
import { loadIana } from '../../../src/names/commands/deps.ts';
import type { OpenSockets } from '../../../src/sockets/core/open-sockets.ts';
import type { ListedSocket } from '../../../src/sockets/core/socket-snapshot.ts';
import { SimProfileArchive } from '../sim/profile-archive.ts';
import { SimSysctls } from '../sim/sysctls.ts';

/** Files by their paths; an Error is a file that cannot be read. */
export type Texts = Readonly<Record<string, string | PortreeveError>>;

/** The files, with the directories of their paths. */
export function filesOf(texts: Texts): BootFiles {
  return {
    names: (directory) =>
      Object.keys(texts).flatMap((path) => {
        const name = path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : '';
        return name === '' || name.includes('/') ? [] : [name];
      }),
    readText: (path) => {
      const text = texts[path];
      if (text instanceof PortreeveError) throw text;
      return text;
    },
  };
}

export function unreadable(path: string): PortreeveError {
  return new PortreeveError('FILE_UNREADABLE', `cannot read ${path}: EACCES`);
}

export function openSockets(seen: readonly ListedSocket[], hiddenProcesses = 0): OpenSockets {
  return {
    list: () => seen.map(({ socket }) => socket),
    owners: (inodes) => {
      const own = seen.filter(({ socket }) => inodes.has(socket.inode));
      const owners = new Map<number, readonly SocketOwner[]>(
        own.map((one) => [one.socket.inode, one.owners]),
      );
      return { owners, hiddenProcesses };
    },
    cgroupPath: () => undefined,
  };
}

/** An archive in which a profile was applied. */
export function archiveOf(...profiles: readonly string[]): SimProfileArchive {
  const archive = new SimProfileArchive();
  for (const [after, text] of profiles.entries()) {
    const options = { zosNames: false, symbols: {}, keepGoing: false, tcpname: 'TCPIP' };
    const texts = [{ path: '/etc/profile.tcpip', text }];
    const who = { timeMs: 0, uid: 0, user: 'root', racf: undefined };
    archive.append({ ...who, verb: 'apply', again: undefined, options, texts }, after);
  }
  return archive;
}

/** An empty host with changes. */
export function snapshotDeps(changes: Partial<SnapshotDeps> = {}): SnapshotDeps {
  return {
    sockets: openSockets([]),
    files: filesOf({}),
    cgroups: undefined,
    reader: 'systemd',
    sysctls: new SimSysctls(),
    archive: archiveOf(),
    iana: loadIana,
    guard: async () => 'off',
    registrations: async () => [],
    programs: () => [],
    assignable: () => [],
    ...changes,
  };
}
