// Determines why the kernel refuses a privileged operation: a missing capability, or another obstacle.
import { readFileSync } from 'node:fs';

/** What the kernel reports about a process and itself. Empty if unavailable. */
export interface Privilege {
  /** /proc/self/status (proc_pid_status(5)). */
  readonly status: string;
  /** /proc/self/uid_map (user_namespaces(7)). */
  readonly uidMap: string;
  /** /sys/kernel/security/lockdown (kernel_lockdown(7)): "none [integrity] confidentiality". */
  readonly lockdown: string;
}

/** The obstacle, and how to remove it. Both are sentences or empty. */
export interface Obstacle {
  readonly why: string;
  readonly hint: string;
}

/** <linux/capability.h>: required for cgroup BPF programs, for maps created by others, and for mounting. */
const CAPABILITIES = { CAP_BPF: 39, CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 } as const;
/** The initial user namespace: all ids map to themselves. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

const HINTS = {
  userNamespace: 'Run it on the host, or in a container without a user namespace.',
  capabilities:
    'Grant them to a container with --cap-add, or to a unit with CapabilityBoundingSet=. sudo has all of them.',
  lockdown: 'Boot the kernel without lockdown=, which Secure Boot may enable (kernel_lockdown(7)).',
  seccomp: 'The filter must allow bpf(2) and mount(2). Containers have a filter by default.',
  unknown:
    'A security module such as SELinux may deny it: check the log of the kernel. Before Linux 5.11, the limit ' +
    'of locked memory (ulimit -l) may be too low.',
} as const;

/** The reason for EPERM. */
export function obstacleIn({ status, uidMap, lockdown }: Privilege): Obstacle {
  const missing = missingCapabilities(status);
  if (uidMap !== '' && !ALL_IDS.test(uidMap)) {
    return {
      why: 'this process is in a user namespace, which does not have this privilege',
      hint: HINTS.userNamespace,
    };
  }
  if (missing.length > 0) return { why: `this process lacks ${listed(missing)}`, hint: HINTS.capabilities };
  const [, mode = 'none'] = /\[(\w+)\]/.exec(lockdown) ?? [];
  if (mode !== 'none') return { why: `the kernel is locked down (${mode})`, hint: HINTS.lockdown };
  if (/^Seccomp:\s*2$/m.test(status)) return { why: 'a seccomp filter is in force', hint: HINTS.seccomp };
  return { why: '', hint: HINTS.unknown };
}

/** CAP_SYS_ADMIN includes the others, which were split off from it (capabilities(7)). */
function missingCapabilities(status: string): string[] {
  const [, digits] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  if (digits === undefined) return [];
  const effective = BigInt(`0x${digits}`);
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n;
  if (has(CAPABILITIES.CAP_SYS_ADMIN)) return [];
  return Object.entries(CAPABILITIES).flatMap(([name, bit]) => (has(bit) ? [] : [name]));
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** The obstacle for this process. */
export function ownObstacle(): Obstacle {
  return obstacleIn({
    status: textOf('/proc/self/status'),
    uidMap: textOf('/proc/self/uid_map'),
    lockdown: textOf('/sys/kernel/security/lockdown'),
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
