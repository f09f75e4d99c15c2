// The port ranges of this host: how the kernel's settings are, and how they will be after a boot.
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
  /** As the kernel prints it, with one blank between numbers; undefined where the kernel has no such setting. */
  readonly now: string | undefined;
  /** What it will be after a boot: what a file says, else the kernel's default. */
  readonly atBoot: string;
  /** Where that is said: "/etc/sysctl.d/10-ports.conf:3"; undefined for the kernel's default. */
  readonly saidAt: string | undefined;
  /** Whether a boot changes it. */
  readonly differs: boolean;
}

/** The settings of ports of this host. */
export interface HostStack {
  readonly reader: SysctlReader;
  readonly settings: readonly HostSetting[];
  /** What could not be read or makes no sense, a sentence each. */
  readonly problems: readonly string[];
}

/** The settings, and what Linux gives them itself. */
const DEFAULTS: readonly (readonly [key: string, value: string])[] = [
  [PORT_RANGE, '32768 60999'],
  [RESERVED_PORTS, ''],
  [UNPRIVILEGED_START, '1024'],
];

/** Looks at them. Throws PortreeveError `SYSCTL_UNREADABLE` (environment). */
export function hostStack({ sysctls, files, reader }: HostStackDeps): HostStack {
  const boot = bootSettings(files, reader);
  const problems = [
    ...boot.unread.map(({ path, reason }) => `${path} was not read: ${reason}`),
    ...boot.diagnostics.map(({ message, place }) => `${place.file}:${place.line}: ${message}`),
  ];
  const settings = DEFAULTS.map(([key, usual]): HostSetting => {
    const said = boot.of(key);
    const now = sysctls.read(key);
    const atBoot = said?.value === undefined ? usual : oneWay(key, said.value, problems);
    const current = now === undefined ? undefined : oneWay(key, now, problems);
    const saidAt = said && `${said.place.file}:${said.place.line}`;
    return { key, now: current, atBoot, saidAt, differs: current !== undefined && current !== atBoot };
  });
  return { reader, settings, problems };
}

/** A value in the one way in which it can be compared. */
function oneWay(key: string, value: string, problems: string[]): string {
  if (key !== RESERVED_PORTS) return value.trim().split(/\s+/).join(' ');
  try {
    return formatPortList(parsePortList(value.trim()));
  } catch (thrown) {
    problems.push(`${key}: ${requireFailure(thrown).message}`);
    return value;
  }
}
