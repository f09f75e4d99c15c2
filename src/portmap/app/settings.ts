// The settings of the port mapper: the command line, else [portmap] in portreeve.toml, else the defaults.
import { type IpAddress, parseAddress } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT, type Port, parsePort, type ServiceLookup } from '../../base/port.ts';
import { isListenablePath, LISTENABLE_PATH, whyNotListen } from '../../kit/listenable.ts';
import { type Section, type Settings, sectionOf } from '../../kit/settings.ts';

interface PortmapSection {
  /** Addresses in addition to loopback. */
  readonly listen?: readonly string[] | undefined;
  readonly port?: number | undefined;
  /** The path of the Unix socket. */
  readonly local?: string | undefined;
  /** The uid of the process that answers the network. */
  readonly uid?: number | undefined;
}

export const PORTMAP_SECTION: Section<PortmapSection> = {
  name: 'portmap',
  schema: async () => (await import('./settings-schema.ts')).PORTMAP,
};

/** The socket that libtirpc uses. */
export const RPCBIND_SOCKET = '/run/rpcbind.sock';

/** The options of `portreeve serve` for the port mapper, as typed. */
export interface PortmapOptions {
  readonly listen?: readonly string[] | undefined;
  readonly port?: string | undefined;
  readonly local?: string | undefined;
  /** Use another port if 111 is not available, as `npm start` does. */
  readonly fallback?: boolean | undefined;
}

interface PortmapContext {
  readonly options: PortmapOptions;
  /** The runtime directory. */
  readonly runtime: string;
  readonly uid: number;
  /** The addresses of the rpcbind that is replaced, which apply if neither the command line nor the file has any. */
  readonly inherited: readonly IpAddress[];
  /** The services of the host, for a port that is a name. */
  readonly services: () => ServiceLookup;
}

export interface PortmapSettings {
  /** Addresses in addition to loopback. */
  readonly addresses: readonly IpAddress[];
  /** The source of the addresses; `rpcbind`: those of the port mapper that is replaced. */
  readonly addressesFrom: 'command line' | 'settings' | 'rpcbind' | 'default';
  /** Whether portreeve.toml has `[portmap] listen`. */
  readonly isListenSet: boolean;
  readonly port: Port;
  readonly localPath: string;
  /** The uid of the process that answers the network; undefined: that of its own account. */
  readonly uid: number | undefined;
  readonly fallback: boolean;
}

/** Throws PortreeveError (usage) `ADDRESS_INVALID`, `PORT_INVALID` and `LOCAL_INVALID`. */
export function portmapSettings(
  settings: Settings,
  { options, runtime, uid, inherited, services }: PortmapContext,
): PortmapSettings {
  const section = sectionOf(settings, PORTMAP_SECTION);
  const typed = options.listen && options.listen.length > 0 ? options.listen : undefined;
  const addresses = (typed ?? section.listen)?.map(listenAddress) ?? inherited;
  const isChosen =
    [options.port, options.local, section.port, section.local].some((choice) => choice !== undefined) ||
    addresses.length > 0;
  const usualPath = uid === 0 ? RPCBIND_SOCKET : `${runtime}/rpcbind.sock`;
  return {
    addresses,
    addressesFrom: typed
      ? 'command line'
      : section.listen
        ? 'settings'
        : addresses.length > 0
          ? 'rpcbind'
          : 'default',
    isListenSet: section.listen !== undefined,
    port: parsePort(options.port ?? `${section.port ?? PORTMAP_PORT}`, services),
    localPath: checkLocalPath(options.local ?? section.local ?? usualPath),
    uid: section.uid,
    // An explicit choice is honored or fails.
    fallback: (options.fallback ?? false) && !isChosen,
  };
}

function listenAddress(text: string): IpAddress {
  const address = parseAddress(text);
  const why = whyNotListen(address);
  if (why === undefined) return address;
  throw new PortreeveError('ADDRESS_INVALID', `cannot listen on ${text}: ${why}`, '', { value: text });
}

function checkLocalPath(path: string): string {
  if (isListenablePath(path)) return path;
  const message = `"${path}" is not a valid path for the Unix socket`;
  throw new PortreeveError('LOCAL_INVALID', message, `It is ${LISTENABLE_PATH}.`, { value: path });
}
