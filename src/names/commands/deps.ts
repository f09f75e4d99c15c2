// What the commands on names work with on this host: its settings at a boot, and its services.
import { existsSync } from 'node:fs';
import { listDirectory, readText } from '../../host/linux/files.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type { BootFiles } from '../app/boot-settings.ts';
import type { HostStackDeps } from '../app/host-stack.ts';
import { serviceNames } from '../app/service-names.ts';
import type { ServiceNames } from '../core/services.ts';

/** There while systemd runs the system (sd_booted(3)). */
const SYSTEMD = '/run/systemd/system';

export const bootFiles: BootFiles = { names: listDirectory, readText };

/** systemd's own program where systemd runs the system, else procps's. */
export function bootReader(): SysctlReader {
  return existsSync(SYSTEMD) ? 'systemd' : 'procps';
}

/** What the port ranges of this host are read with. */
export function hostStackDeps(): HostStackDeps {
  return { sysctls: linuxSysctls, files: bootFiles, reader: bootReader() };
}

/** The names in /etc/services, which is read when this is called. */
export const hostServices = (): ServiceNames => serviceNames({ readText });
