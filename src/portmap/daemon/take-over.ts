// `portreeve portmap take-over` on Linux: finds a running rpcbind, reads its sockets, and stops it.
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { PORTMAP_PORT } from '../../base/port.ts';
import type { Host, ProcessInfo } from '../../host/host.ts';
import { replaceFile } from '../../host/linux/files.ts';
import { isSystemdBooted } from '../../host/linux/install.ts';
import { putFile } from '../../host/linux/put-file.ts';
import type { Log } from '../../kit/log.ts';
import { LinuxOpenSockets } from '../../sockets/linux/open-sockets.ts';
import { type CarriedAddresses, carriedAddresses } from '../app/carried-addresses.ts';
import { RPCBIND_SOCKET } from '../app/settings.ts';
import type { ParseSettings } from '../app/settings-edit.ts';
import * as app from '../app/take-over.ts';
import { Portmap } from '../client/portmap.ts';

/** Longer than systemd's DefaultTimeoutStopSec (90 s), after which systemctl returns. */
const STOP_COMMAND_MS = 100_000;

/** Plans the replacement of the running rpcbind; see planTakeOver() of app. */
export function planTakeOver(host: Host): Promise<app.TakeOver> {
  return app.planTakeOver(takeOverDeps(host));
}

/** Stops it; see stopRpcbind() of app. */
export function stopRpcbind(host: Host, takeOver: app.TakeOver): Promise<void> {
  return app.stopRpcbind(takeOverDeps(host), takeOver);
}

interface RecordDeps {
  readonly host: Pick<Host, 'files'>;
  readonly log: Pick<Log, 'info' | 'error'>;
  readonly parseSettings: ParseSettings;
}

/** Records the addresses for later starts, and logs the result. */
export async function recordListen(
  { host: { files }, log, parseSettings }: RecordDeps,
  takeOver: app.TakeOver,
  listening: app.Listening,
): Promise<void> {
  const write = (path: string, text: string, isThere: boolean) =>
    isThere ? replaceFile(path, text) : putFile(path, text);
  const record = await app.recordListen({ files, write, parseSettings }, takeOver, listening);
  if (record?.isWritten) log.info(`portmap: ${record.message}`);
  else if (record) log.error(`portmap: ${record.message}`);
}

function takeOverDeps({ sockets, clock }: Host): app.TakeOverDeps {
  return {
    holders: () => [
      ...sockets.holders({ path: RPCBIND_SOCKET }),
      ...sockets.holders({ protocol: 'udp', port: PORTMAP_PORT }),
    ],
    isSystemdBooted: isSystemdBooted(),
    registrations,
    addressesOf,
    run,
    terminate: (pid) => void process.kill(pid, 'SIGTERM'),
    clock,
  };
}

async function registrations() {
  await using mapper = new Portmap({ transport: 'local', path: RPCBIND_SOCKET });
  const list = await mapper.dump();
  return list.map((entry) => ({ ...entry, owner: entry.owner ?? 'unknown' }));
}

function addressesOf({ pid }: ProcessInfo): CarriedAddresses {
  const open = new LinuxOpenSockets();
  const sockets = open.list({ port: PORTMAP_PORT, states: ['LISTEN', 'UNCONNECTED'] });
  const { owners } = open.owners(new Set(sockets.map(({ inode }) => inode)));
  const own = sockets.filter(({ inode }) => owners.get(inode)?.some((owner) => owner.pid === pid));
  const present = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return carriedAddresses(
    own,
    present.map(({ address }) => address),
  );
}

function run([program = '', ...args]: readonly string[]): string | undefined {
  const options = { encoding: 'utf8', timeout: STOP_COMMAND_MS } as const;
  const { status, stderr, error } = spawnSync(program, args, options);
  return status === 0 ? undefined : (error?.message ?? stderr);
}
