// The sysctl settings that the next boot will apply, from the files that systemd-sysctl or procps reads.
import { requireFailure } from '../../base/errors.ts';
import { SYSCTL_CONF_MAX_BYTES } from '../../base/limits.ts';
import type { Diagnostic } from '../../text/source.ts';
import {
  parseSysctlConf,
  SYSCTL_CONF,
  SYSCTL_DIRECTORIES,
  type SysctlReader,
  type SysctlSetting,
  settingAtBoot,
  sysctlFiles,
} from '../../text/sysctl-conf.ts';

export interface BootFiles {
  /** The names in a directory; empty if it does not exist. Throws PortreeveError if it cannot be read. */
  readonly names: (directory: string) => readonly string[];
  /** The text of a file; undefined if it does not exist. Throws PortreeveError if it cannot be read. */
  readonly readText: (path: string, maxBytes: number) => string | undefined;
}

export interface BootSettings {
  readonly reader: SysctlReader;
  /** The line that sets a key such as "net.ipv4.ip_local_port_range"; undefined if there is none. */
  readonly of: (key: string) => SysctlSetting | undefined;
  /** Errors in the files. */
  readonly diagnostics: readonly Diagnostic[];
  /** Files that could not be read. */
  readonly unread: readonly { readonly path: string; readonly reason: string }[];
}

export function bootSettings(files: BootFiles, reader: SysctlReader): BootSettings {
  const unread: { path: string; reason: string }[] = [];
  const tryRead = <Value>(path: string, read: () => Value): Value | undefined => {
    try {
      return read();
    } catch (thrown) {
      unread.push({ path, reason: requireFailure(thrown).message });
      return undefined;
    }
  };
  const listed = SYSCTL_DIRECTORIES.flatMap((directory) =>
    (tryRead(directory, () => files.names(directory)) ?? []).map((name) => `${directory}/${name}`),
  );
  const confs = sysctlFiles([...listed, SYSCTL_CONF], reader).flatMap((path) => {
    const text = tryRead(path, () => files.readText(path, SYSCTL_CONF_MAX_BYTES));
    return text === undefined ? [] : [parseSysctlConf({ file: path, text })];
  });
  const settings = confs.flatMap((conf) => conf.settings);
  return {
    reader,
    of: (key) => settingAtBoot(settings, key),
    diagnostics: confs.flatMap((conf) => conf.diagnostics),
    unread,
  };
}
