// The settings of the port mapper: options of the command line, else [portmap] in portreeve.toml, else the defaults.
import { type IpAddress, parseAddress } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PORTMAP_PORT, type Port, parsePort, type ServiceLookup } from '../../base/port.ts';
import { isListenablePath, LISTENABLE_PATH, whyNotListen } from '../../kit/listenable.ts';
import { type Section, type Settings, sectionOf } from '../../kit/settings.ts';

interface PortmapSection {
  /** Addresses besides loopback. */
  readonly listen?: readonly string[] | undefined;
  readonly port?: number | undefined;
  /** The path of its Unix socket. */
  readonly local?: string | undefined;
  /** The uid of the process that answers the network. */
  readonly uid?: number | undefined;
}

export const PORTMAP_SECTION: Section<PortmapSection> = {
  name: 'portmap',
  schema: async () => (await import('./settings-schema.ts')).PORTMAP,
};

/** Where libtirpc looks for the port mapper. */
export const RPCBIND_SOCKET = '/run/rpcbind.sock';

/** The options of `portreeve serve` that are about the port mapper, as they were typed. */
export interface PortmapOptions {
  readonly listen?: readonly string[] | undefined;
  readonly port?: string | undefined;
  readonly local?: string | undefined;
  /** Take another port where 111 is not available: what `npm start` does. */
  readonly fallback?: boolean | undefined;
}

/** What else the settings of the port mapper depend on. */
interface PortmapContext {
  readonly options: PortmapOptions;
  /** The runtime directory. */
  readonly runtime: string;
  readonly uid: number;
  /** The addresses of a port mapper whose place is taken: they apply where nothing else names any. */
  readonly inherited: readonly IpAddress[];
  /** The services of the host, for a port that is a name. */
  readonly services: () => ServiceLookup;
}

export interface PortmapSettings {
  /** Addresses besides loopback. */
  readonly addresses: readonly IpAddress[];
  /** What names them; `rpcbind` where a port mapper had them whose place was taken. */
  readonly addressesFrom: 'command line' | 'settings' | 'rpcbind' | 'default';
  /** Whether portreeve.toml names addresses. */
  readonly isListenSet: boolean;
  readonly port: Port;
  readonly localPath: string;
  /** The uid of the process that answers the network; undefined: that of its account. */
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
    // A place that was chosen is taken, or an error.
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
  const message = `"${path}" cannot be the path of the Unix socket`;
  throw new PortreeveError('LOCAL_INVALID', message, `It is ${LISTENABLE_PATH}.`, { value: path });
}
