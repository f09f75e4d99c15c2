// The settings of the daemon: what the command line says, else what portreeve.toml says, else what is built in.

import { resolve } from 'node:path';
import { type IpAddress, parseAddress } from '../base/address.ts';
import { PortreeveError } from '../base/errors.ts';
import { PORTMAP_PORT, type Port, parsePort } from '../base/port.ts';
import { guardSettings } from '../guard/app/settings.ts';
import type { DaemonGuardSettings } from '../guard/daemon/guard.ts';
import type { Files } from '../host/host.ts';
import { type Directories, GUARD_PINS } from '../kit/directories.ts';
import { isListenablePath, LISTENABLE_PATH, whyNotListen } from '../kit/listenable.ts';
import { readSettings, settingsPath } from '../kit/settings.ts';
import { serviceNames } from '../names/app/service-names.ts';

/** The options of `portreeve serve`, as they were typed. */
export interface ServeOptions {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
  readonly runtime?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly port?: string | undefined;
  readonly local?: string | undefined;
  /** Take another port where 111 cannot be had: what `npm start` does. */
  readonly fallback?: boolean | undefined;
  /** Take the place of a running rpcbind, with its registrations; `dryRun`: only say what would be done. */
  readonly takeOver?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** The directory of the guard's names in bpffs, where it is not the usual one. */
  readonly pins?: string | undefined;
}

/** What the daemon goes by. */
export interface Settings {
  readonly runtime: string;
  readonly state: string;
  readonly listen: readonly IpAddress[];
  /** Who has said so; `rpcbind` where it is what a port mapper had that was taken over. */
  readonly listenFrom: 'command line' | 'settings' | 'rpcbind' | 'default';
  /** The settings file that was looked for, and whether it says where to listen. */
  readonly file: string;
  readonly isListenSet: boolean;
  readonly port: Port;
  readonly localPath: string;
  readonly uid: number | undefined;
  readonly fallback: boolean;
  /** The directory of the guard's names in bpffs. */
  readonly pins: string;
  readonly guard: DaemonGuardSettings;
}

/** Where libtirpc looks for the port mapper. */
export const RPCBIND_SOCKET = '/run/rpcbind.sock';

/**
 * The settings. Throws PortreeveError (usage) for what is no address, port, path or key. `inherited` are the addresses
 * of a port mapper whose place is taken, for which neither the command line nor the file names others.
 */
export async function settle(
  options: ServeOptions,
  directories: Directories,
  uid: number,
  files: Pick<Files, 'readText'>,
  inherited: readonly IpAddress[] = [],
): Promise<Settings> {
  const read = await readSettings(options.config, directories.config, files);
  const { portmap: file = {}, job } = read;
  const runtime = resolve(options.runtime ?? directories.runtime);
  const typed = options.listen && options.listen.length > 0 ? options.listen : undefined;
  const listen = (typed ?? file.listen)?.map(listenAddress) ?? inherited;
  const listenFrom = typed
    ? 'command line'
    : file.listen
      ? 'settings'
      : listen.length > 0
        ? 'rpcbind'
        : 'default';
  const isChosen =
    [options.port, options.local, file.port, file.local].some((choice) => choice !== undefined) ||
    listen.length > 0;
  const localPath = options.local ?? file.local ?? (uid === 0 ? RPCBIND_SOCKET : `${runtime}/rpcbind.sock`);
  return {
    runtime,
    state: resolve(options.state ?? directories.state),
    listen,
    listenFrom,
    file: options.config ?? settingsPath(directories.config),
    isListenSet: file.listen !== undefined,
    port: parsePort(options.port ?? `${file.port ?? PORTMAP_PORT}`, () => serviceNames(files)),
    localPath: checkLocalPath(localPath),
    uid: file.uid,
    // Whoever has chosen a place gets that or an error.
    fallback: (options.fallback ?? false) && !isChosen,
    pins: options.pins ?? GUARD_PINS,
    guard: { jobs: job ?? {}, ...guardSettings(read) },
  };
}

function listenAddress(text: string): IpAddress {
  const address = parseAddress(text);
  const why = whyNotListen(address);
  if (why === undefined) return address;
  throw new PortreeveError('ADDRESS_INVALID', `cannot listen on ${text}: ${why}`, '', {
    value: text,
  });
}

function checkLocalPath(path: string): string {
  if (isListenablePath(path)) return path;
  const message = `"${path}" cannot be the path of the Unix socket`;
  throw new PortreeveError('LOCAL_INVALID', message, `It is ${LISTENABLE_PATH}.`, { value: path });
}
