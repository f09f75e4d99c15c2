// The services of the daemon and the dependencies between them.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GuardService } from '../guard/daemon/service.ts';
import type { Host } from '../host/host.ts';
import { linuxFiles } from '../host/linux/files.ts';
import { PROFILE_DATABASE } from '../host/linux/state-files.ts';
import type { DaemonService } from '../kit/daemon-service.ts';
import { GUARD_PINS } from '../kit/directories.ts';
import type { Log } from '../kit/log.ts';
import type { Settings } from '../kit/settings.ts';
import { LeaseService } from '../lease/daemon/service.ts';
import type { PortmapOptions } from '../portmap/app/settings.ts';
import type { TakeOver } from '../portmap/app/take-over.ts';
import { registrationsAt } from '../portmap/daemon/registrations.ts';
import { PortmapService } from '../portmap/daemon/service.ts';
import type { NameDeps } from '../sockets/app/port-names.ts';
import { SocketsService } from '../sockets/daemon/service.ts';
import { reservations } from './port-sources.ts';
import { SECTIONS } from './sections.ts';

/** What the daemon passes to its services. */
export interface ServiceContext {
  readonly host: Host;
  readonly log: Log;
  readonly version: string;
  /** The runtime directory and the state directory. */
  readonly runtime: string;
  readonly state: string;
  readonly options: PortmapOptions;
  /** The directory of the guard's pins in bpffs, if it is not the default. */
  readonly pins: string | undefined;
  /** The port mapper that is replaced. */
  readonly takeOver: TakeOver | undefined;
  /** The path of portreeve.toml, and its current content. */
  readonly file: string;
  readonly readSettings: () => Promise<Settings>;
}

/** In start order: each may use those before it. */
export function servicesOf(context: ServiceContext, settings: Settings): readonly DaemonService[] {
  const guard = new GuardService({ ...context, pins: context.pins ?? GUARD_PINS }, settings);
  const portmap = new PortmapService({ ...context, guard, parseSettings }, settings);
  const sockets = new SocketsService({ files: () => guard.files, names: namesFor(context, portmap) });
  const lease = new LeaseService({ log: context.log, runDeps: () => guard.giving() });
  return [guard, portmap, sockets, lease];
}

async function parseSettings(text: string, path: string): Promise<Settings> {
  const file = await import('../kit/settings-file.ts');
  return await file.parseSettings(text, path, SECTIONS);
}

/** Names ports by the registrations of this daemon's port mapper and by the profile in force. */
function namesFor({ state }: ServiceContext, portmap: PortmapService): NameDeps {
  const database = join(state, PROFILE_DATABASE);
  return {
    files: linuxFiles,
    registrations: async () => {
      const { localPath } = portmap;
      return localPath === undefined ? [] : await registrationsAt(localPath);
    },
    reservations: async () => (existsSync(database) ? await reservations(state) : undefined),
  };
}
