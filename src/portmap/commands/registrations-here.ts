// What is registered with the port mapper of this host, asked in ways that leave nothing behind among its ports.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { netIdInfo, parseNetId } from '../../base/netid.ts';
import { PORTMAP_PORT } from '../../base/port.ts';
import { LOOK_SOCKET } from '../../kit/daemon-names.ts';
import { usualDirectories } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import type { PortmapEntry, PortmapTarget } from '../client/portmap.ts';
import type { RegisteredProgram } from '../core/registered-program.ts';

/** Where libtirpc asks on its own host. */
const USUAL_LOCAL = '/run/rpcbind.sock';
/** A port mapper that takes longer is left out. */
const ASK_MS = 100;

/**
 * The registrations of TCP and UDP; none where there is no port mapper. Throws PortreeveError `PORTMAP_SILENT` (world)
 * where there is one that does not answer.
 */
export async function registrationsHere(io: Io): Promise<RegisteredProgram[]> {
  const target = await targetHere(io);
  if (!target) return [];
  const [{ Portmap }, { RpcError }, { parseUaddr }] = await Promise.all([
    import('../client/portmap.ts'),
    import('../client/errors.ts'),
    import('../../wire/uaddr.ts'),
  ]);
  const { hostRpcNames } = await import('./rpc-names.ts');
  await using portmap = new Portmap(target, { timeoutMs: ASK_MS });
  try {
    const names = hostRpcNames();
    return grouped(await portmap.dump(), parseUaddr, (program) => names.nameOf(program));
  } catch (thrown) {
    if (!(thrown instanceof RpcError)) throw thrown;
    throw new PortreeveError('PORTMAP_SILENT', thrown.message);
  }
}

/** A connection over TCP would hold a port for a minute, so that it is asked over its Unix socket, else by UDP. */
async function targetHere(io: Io): Promise<PortmapTarget | undefined> {
  if (usualDirectories(io).some(({ runtime }) => existsSync(join(runtime, LOOK_SOCKET)))) {
    const { localTargetHere } = await import('./ask.ts');
    const target = await localTargetHere(io);
    if (target.path.startsWith('@') || existsSync(target.path)) return target;
  }
  if (existsSync(USUAL_LOCAL)) return { transport: 'local', path: USUAL_LOCAL };
  const isThere = new LinuxOpenSockets().list({ protocol: 'udp', port: PORTMAP_PORT }).length > 0;
  return isThere ? { transport: 'udp', host: '127.0.0.1' } : undefined;
}

/** The versions of a program at one address are one registration. */
function grouped(
  entries: readonly PortmapEntry[],
  endpointOf: typeof import('../../wire/uaddr.ts').parseUaddr,
  nameOf: (program: number) => string | undefined,
): RegisteredProgram[] {
  const found = new Map<string, RegisteredProgram>();
  for (const { program, version, netid, address, owner } of entries) {
    const known = parseNetId(netid);
    const protocol = known ? netIdInfo(known).protocol : '';
    const endpoint = endpointOf(address);
    if (protocol === '' || !endpoint) continue;
    const key = JSON.stringify([program, netid, address, owner]);
    const versions = [...(found.get(key)?.versions ?? []), version].sort((a, b) => a - b);
    found.set(key, { program, name: nameOf(program), versions, protocol, ...endpoint, owner });
  }
  return [...found.values()];
}
