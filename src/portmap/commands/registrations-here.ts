// Reads the registrations of this host's port mapper without leaving a port in TIME_WAIT.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT } from '../../base/port.ts';
import { STATUS_SOCKET } from '../../kit/daemon-names.ts';
import { usualDirectories } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import type { PortmapTarget } from '../client/portmap.ts';
import { type RegisteredProgram, registeredPrograms } from '../core/registered-program.ts';

/** The socket that libtirpc uses on its own host. */
const USUAL_LOCAL = '/run/rpcbind.sock';
/** The timeout: a slower port mapper counts as silent. */
const QUERY_MS = 100;

/**
 * The registrations of TCP and UDP; empty if there is no port mapper. Throws PortreeveError `PORTMAP_SILENT`
 * (environment) if there is one that does not answer.
 */
export async function registrationsHere(io: Io): Promise<RegisteredProgram[]> {
  const target = await targetHere(io);
  if (!target) return [];
  const [{ Portmap }, { RpcError }] = await Promise.all([
    import('../client/portmap.ts'),
    import('../client/errors.ts'),
  ]);
  const { hostRpcNames } = await import('./rpc-names.ts');
  await using portmap = new Portmap(target, { timeoutMs: QUERY_MS });
  try {
    const names = hostRpcNames();
    return registeredPrograms(await portmap.dump(), (program) => names.nameOf(program));
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown;
    throw new PortreeveError('PORTMAP_SILENT', thrown.message);
  }
}

/** Its Unix socket, else UDP: a TCP connection would hold an ephemeral port in TIME_WAIT for a minute. */
async function targetHere(io: Io): Promise<PortmapTarget | undefined> {
  if (usualDirectories(io).some(({ runtime }) => existsSync(join(runtime, STATUS_SOCKET)))) {
    const { localTargetHere } = await import('./query.ts');
    const target = await localTargetHere(io);
    if (target.path.startsWith('@') || existsSync(target.path)) return target;
  }
  if (existsSync(USUAL_LOCAL)) return { transport: 'local', path: USUAL_LOCAL };
  const isThere = new LinuxOpenSockets().list({ protocol: 'udp', port: PORTMAP_PORT }).length > 0;
  return isThere ? { transport: 'udp', host: '127.0.0.1' } : undefined;
}
