/** The state of a host that an installation may change, as lines that can be compared. */

import type { Machine } from './machine.ts';

/** Directories that only an installation changes, listed with the type, owner and contents of each entry. */
const DIRECTORIES = [
  '/etc/systemd',
  '/etc/sysusers.d',
  '/etc/tmpfiles.d',
  '/etc/sysctl.d',
  '/etc/portreeve',
  '/usr/bin',
  '/usr/sbin',
  '/usr/local',
  '/usr/lib/systemd',
  '/usr/share',
  '/var/lib/portreeve',
  '/run/portreeve',
  '/run/systemd/system',
  '/sys/fs/bpf',
];
const SETTINGS = [
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const ACCOUNTS = ['passwd', 'group', 'shadow', 'gshadow'];

export interface HostState {
  readonly accounts: readonly string[];
  /** Files, mounts, units, processes and kernel settings. */
  readonly rest: readonly string[];
}

export async function hostState(machine: Machine): Promise<HostState> {
  const find = `find ${DIRECTORIES.join(' ')} -printf '%p %y %m %u:%g %l %s\\n' 2>/dev/null | sort`;
  const contents = 'find /etc/systemd /etc/sysusers.d -type f -exec sha256sum {} + | sort';
  const mounts = "awk '{ print $5 }' /proc/self/mountinfo | sort";
  const units = 'systemctl list-unit-files --no-legend --no-pager';
  const programs = 'ls -l /proc/*/exe 2>/dev/null | grep -c portreeve || :';
  const commands = [find, contents, mounts, units, programs, ...SETTINGS.map((name) => `sysctl ${name}`)];
  return {
    accounts: await lines(
      machine,
      ACCOUNTS.map((name) => `sed 's|^|${name} |' /etc/${name}`),
    ),
    rest: await lines(machine, commands),
  };
}

/** The lines that are in only one of the two states, with "-" before removed and "+" before added ones. */
export function changes(before: readonly string[], after: readonly string[]): string[] {
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}

async function lines(machine: Machine, commands: readonly string[]): Promise<string[]> {
  return (await machine.must(commands.join('\n'))).trimEnd().split('\n');
}
