// The port settings of this host's kernel, now and after the next boot.
import { requireFailure } from '../../base/errors.ts';
import type { Sysctls } from '../../host/host.ts';
import { formatPortList, parsePortList } from '../../text/port-list.ts';
import type { SysctlReader } from '../../text/sysctl-conf.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../core/kernel-ports.ts';
import { type BootFiles, bootSettings } from './boot-settings.ts';

export interface HostStackDeps {
  readonly sysctls: Pick<Sysctls, 'read'>;
  readonly files: BootFiles;
  readonly reader: SysctlReader;
}

export interface HostSetting {
  readonly key: string;
  /** As the kernel prints it, with one space between numbers; undefined if the kernel does not have it. */
  readonly now: string | undefined;
  /** The value after a boot: from a file, or else the kernel's default. */
  readonly atBoot: string;
  /** The line that sets it: "/etc/sysctl.d/10-ports.conf:3"; undefined for the kernel's default. */
  readonly source: string | undefined;
  /** Whether a boot changes it. */
  readonly differs: boolean;
}

export interface HostStack {
  readonly reader: SysctlReader;
  readonly settings: readonly HostSetting[];
  /** Messages about files and values that could not be read. */
  readonly problems: readonly string[];
}

/** The settings and their defaults in Linux. */
const DEFAULTS: readonly (readonly [key: string, value: string])[] = [
  [PORT_RANGE, '32768 60999'],
  [RESERVED_PORTS, ''],
  [UNPRIVILEGED_START, '1024'],
];

/** Throws PortreeveError `SYSCTL_UNREADABLE` (environment). */
export function hostStack({ sysctls, files, reader }: HostStackDeps): HostStack {
  const boot = bootSettings(files, reader);
  const problems = [
    ...boot.unread.map(({ path, reason }) => `${path} was not read: ${reason}`),
    ...boot.diagnostics.map(({ message, place }) => `${place.file}:${place.line}: ${message}`),
  ];
  const settings = DEFAULTS.map(([key, usual]): HostSetting => {
    const line = boot.of(key);
    const now = sysctls.read(key);
    const atBoot = line?.value === undefined ? usual : normalized(key, line.value, problems);
    const current = now === undefined ? undefined : normalized(key, now, problems);
    const source = line && `${line.place.file}:${line.place.line}`;
    return { key, now: current, atBoot, source, differs: current !== undefined && current !== atBoot };
  });
  return { reader, settings, problems };
}

/** A value in the form in which it can be compared. */
function normalized(key: string, value: string, problems: string[]): string {
  if (key !== RESERVED_PORTS) return value.trim().split(/\s+/).join(' ');
  try {
    return formatPortList(parsePortList(value.trim()));
  } catch (thrown) {
    problems.push(`${key}: ${requireFailure(thrown).message}`);
    return value;
  }
}
