// Sockets and their owners: as the running daemon sees them, which remembers what it saw, else as we do.
import { existsSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { directoriesOf, SYSTEM_DIRECTORIES } from '../app/directories.ts';
import { type PortsSeen, portsSeen } from '../app/doctor/port-records.ts';
import { type PortsAsked, type PortsQuestion, portsPath, seePorts } from '../app/doctor/ports-asked.ts';
import type { SeeDoors } from '../app/doctor/see.ts';
import { LOOK_SOCKET } from '../app/status.ts';
import { PortreeveError } from '../base/errors.ts';
import { cgroupsIfAny } from '../host/linux/cgroups.ts';
import { readText } from '../host/linux/files.ts';
import { LinuxOpenSockets, type Thoroughness } from '../host/linux/open-sockets.ts';
import type { Io } from './io.ts';

export interface PortsLookOptions {
  /** The directory of the daemon that is asked; undefined: the user's own, then the system's. */
  readonly runtime?: string | undefined;
  /** Without one that answers, whether every owner of a socket is looked for, or one and his kin. */
  readonly thoroughness?: Thoroughness;
  /** With the command, user and cgroup of each owner. */
  readonly isFull?: boolean;
}

/** Throws PortreeveError `SOCKETS_UNREADABLE` (world). */
export async function lookAtPorts(asked: PortsAsked, options: PortsLookOptions, io: Io): Promise<PortsSeen> {
  const { thoroughness = 'all', isFull = false } = options;
  const told = await daemonTells({ ...asked, isFull, from: namespacesHere() }, options, io);
  return told ?? portsSeen(seePorts(doorsHere(thoroughness), asked), isFull);
}

/** What is looked with on this host. */
export function doorsHere(
  thoroughness: Thoroughness = 'all',
): SeeDoors & { readonly sockets: LinuxOpenSockets } {
  return { sockets: new LinuxOpenSockets(thoroughness), files: { readText }, cgroups: cgroupsIfAny() };
}

/** Undefined where no daemon of this network answers. */
async function daemonTells(
  question: PortsQuestion,
  { runtime }: PortsLookOptions,
  io: Io,
): Promise<PortsSeen | undefined> {
  const usual = [directoriesOf(io.uid, io.env).runtime, SYSTEM_DIRECTORIES.runtime];
  const directories = runtime === undefined ? usual : [runtime];
  if (!directories.some((directory) => existsSync(join(directory, LOOK_SOCKET)))) return undefined;
  const { askLook } = await import('./daemon-status.ts');
  try {
    return await askLook<PortsSeen>(io, runtime, portsPath(question));
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind === 'world') return undefined;
    throw thrown;
  }
}

/** The daemon may run in another network or container than whoever asks it: then it knows nothing of what is asked. */
function namespacesHere(): PortsQuestion['from'] {
  return { net: readlinkSync('/proc/self/ns/net'), pid: readlinkSync('/proc/self/ns/pid') };
}
