// What is registered with the port mapper of this host, asked in ways that leave nothing behind among its ports.

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

/** Where libtirpc asks on its own host. */
const USUAL_LOCAL = '/run/rpcbind.sock';
/** A port mapper that takes longer is left out. */
const ASK_MS = 100;

/**
 * The registrations of TCP and UDP; none where there is no port mapper. Throws PortreeveError `PORTMAP_SILENT`
 * (environment) where there is one that does not answer.
 */
export async function registrationsHere(io: Io): Promise<RegisteredProgram[]> {
  const target = await targetHere(io);
  if (!target) return [];
  const [{ Portmap }, { RpcError }] = await Promise.all([
    import('../client/portmap.ts'),
    import('../client/errors.ts'),
  ]);
  const { hostRpcNames } = await import('./rpc-names.ts');
  await using portmap = new Portmap(target, { timeoutMs: ASK_MS });
  try {
    const names = hostRpcNames();
    return registeredPrograms(await portmap.dump(), (program) => names.nameOf(program));
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown;
    throw new PortreeveError('PORTMAP_SILENT', thrown.message);
  }
}

/** A connection over TCP would hold a port for a minute, so that it is asked over its Unix socket, else by UDP. */
async function targetHere(io: Io): Promise<PortmapTarget | undefined> {
  if (usualDirectories(io).some(({ runtime }) => existsSync(join(runtime, STATUS_SOCKET)))) {
    const { localTargetHere } = await import('./ask.ts');
    const target = await localTargetHere(io);
    if (target.path.startsWith('@') || existsSync(target.path)) return target;
  }
  if (existsSync(USUAL_LOCAL)) return { transport: 'local', path: USUAL_LOCAL };
  const isThere = new LinuxOpenSockets().list({ protocol: 'udp', port: PORTMAP_PORT }).length > 0;
  return isThere ? { transport: 'udp', host: '127.0.0.1' } : undefined;
}
