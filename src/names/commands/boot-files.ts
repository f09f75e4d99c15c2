// The files that set the kernel's settings at a boot of this host, and who reads them.
import { existsSync } from 'node:fs';
import { listDirectory, readText } from '../../host/linux/files.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type { BootFiles } from '../app/boot-settings.ts';

/** There while systemd runs the system (sd_booted(3)). */
const SYSTEMD = '/run/systemd/system';

export const bootFiles: BootFiles = { names: listDirectory, readText };

/** systemd's own program where systemd runs the system, else procps's. */
export function bootReader(): SysctlReader {
  return existsSync(SYSTEMD) ? 'systemd' : 'procps';
}
