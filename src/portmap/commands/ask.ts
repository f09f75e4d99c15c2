// Asks the port mapper of a host, or whichever answers on this one.
import { PortreeveError } from '../../base/errors.ts';
import { askDaemon } from '../../kit/ask-daemon.ts';
import type { Io } from '../../kit/io.ts';
import type { PortmapReport } from '../app/report.ts';
import { RpcError } from '../client/errors.ts';
import { Portmap, type PortmapTarget } from '../client/portmap.ts';
import type { LocalTarget } from '../client/target.ts';
import { type PortmapHost, parsePortmapHost } from './host.ts';

const HINT_HERE = 'Is one running (systemctl status rpcbind)? portreeve is one: portreeve serve';
const HINT_THERE = 'Is a port mapper running there, and do firewalls let its port through?';

/** Where libtirpc asks on its own host. */
const USUAL_LOCAL: LocalTarget = { transport: 'local', path: '/run/rpcbind.sock' };
const USUAL_TARGETS: readonly PortmapTarget[] = [USUAL_LOCAL, { transport: 'tcp', host: '127.0.0.1' }];

/**
 * What the port mapper of the host says or, without a host, the first one here that answers: the running daemon's, then
 * those at the usual places. Throws PortreeveError (usage) `HOST_INVALID`, and (environment) `PORTMAP_SILENT` with what
 * was tried.
 */
export async function askPortmap<T>(
  host: string | undefined,
  timeoutMs: number,
  io: Io,
  ask: (portmap: Portmap) => Promise<T>,
): Promise<T> {
  const targets = host === undefined ? await targetsHere(io) : [targetOf(parsePortmapHost(host))];
  const reasons: string[] = [];
  for (const target of targets) {
    await using portmap = new Portmap(target, { timeoutMs });
    try {
      return await ask(portmap);
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
      reasons.push(thrown.message);
    }
  }
  const message = ['no port mapper gives an answer:', ...new Set(reasons)].join('\n  ');
  throw new PortreeveError('PORTMAP_SILENT', message, host === undefined ? HINT_HERE : HINT_THERE);
}

/** The Unix socket where this host's registrations are changed: the running daemon's, else the usual one. */
export async function localTargetHere(io: Io): Promise<LocalTarget> {
  return (await targetsOfDaemon(io)).find((target) => target.transport === 'local') ?? USUAL_LOCAL;
}

async function targetsHere(io: Io): Promise<PortmapTarget[]> {
  return [...(await targetsOfDaemon(io)), ...USUAL_TARGETS];
}

/** The running daemon's port mapper, as far as there is one. */
async function targetsOfDaemon(io: Io): Promise<PortmapTarget[]> {
  const { sockets } = await askDaemon<{ readonly portmap: PortmapReport }>(io, undefined).then(
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
