// Queries the port mapper of a given host, or the first one on this host that answers.
import { PortreeveError } from '../../base/errors.ts';
import type { Io } from '../../kit/io.ts';
import { queryDaemon } from '../../kit/query-daemon.ts';
import type { PortmapReport } from '../app/report.ts';
import { RpcError } from '../client/errors.ts';
import { Portmap, type PortmapTarget } from '../client/portmap.ts';
import type { LocalTarget } from '../client/target.ts';
import { type PortmapHost, parsePortmapHost } from './host.ts';

export const HINT_HERE =
  'Is a port mapper running (systemctl status rpcbind)? To start portreeve: portreeve serve';
export const HINT_THERE = 'Is a port mapper running there, and do firewalls permit its port?';

/** The socket that libtirpc uses on its own host. */
const USUAL_LOCAL: LocalTarget = { transport: 'local', path: '/run/rpcbind.sock' };
const USUAL_TARGETS: readonly PortmapTarget[] = [USUAL_LOCAL, { transport: 'tcp', host: '127.0.0.1' }];

/**
 * Queries the port mapper of the host. Without a host, tries the running daemon's first, then the usual addresses.
 * Throws PortreeveError (usage) `HOST_INVALID`, and (environment) `PORTMAP_SILENT` with every failure.
 */
export async function queryPortmap<T>(
  host: string | undefined,
  timeoutMs: number,
  io: Io,
  query: (portmap: Portmap) => Promise<T>,
): Promise<T> {
  const targets = host === undefined ? await targetsHere(io) : [targetOf(parsePortmapHost(host))];
  const reasons: string[] = [];
  for (const target of targets) {
    await using portmap = new Portmap(target, { timeoutMs });
    try {
      return await query(portmap);
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
      reasons.push(thrown.message);
    }
  }
  const message = ['no port mapper answers:', ...new Set(reasons)].join('\n  ');
  throw new PortreeveError('PORTMAP_SILENT', message, host === undefined ? HINT_HERE : HINT_THERE);
}

/** The Unix socket to which changes are sent: the running daemon's, else the usual one. */
export async function localTargetHere(io: Io): Promise<LocalTarget> {
  return (await targetsOfDaemon(io)).find((target) => target.transport === 'local') ?? USUAL_LOCAL;
}

async function targetsHere(io: Io): Promise<PortmapTarget[]> {
  return [...(await targetsOfDaemon(io)), ...USUAL_TARGETS];
}

/** The sockets of the running daemon's port mapper; empty if no daemon answers. */
async function targetsOfDaemon(io: Io): Promise<PortmapTarget[]> {
  const { sockets } = await queryDaemon<{ readonly portmap: PortmapReport }>(io, undefined).then(
    ({ portmap }) => portmap,
    () => ({ sockets: [] }),
  );
  const local = sockets.filter(({ netid }) => netid === 'local');
  const tcp = sockets.filter(({ netid }) => netid === 'tcp' || netid === 'tcp6');
  return [...local, ...tcp].map(({ endpoint }) => targetOf(parsePortmapHost(endpoint)));
}

function targetOf(host: PortmapHost): PortmapTarget {
  if (host.kind === 'local') return { transport: 'local', path: host.path };
  return { transport: 'tcp', host: host.host, port: host.port };
}
