// Why the kernel does not let this process do what root may: which capability it lacks, or what else stands in the way.
import { readFileSync } from 'node:fs';

/** What the kernel says of a process and of itself; empty where it does not say. */
export interface Privilege {
  /** /proc/self/status (proc_pid_status(5)). */
  readonly status: string;
  /** /proc/self/uid_map (user_namespaces(7)). */
  readonly uidMap: string;
  /** /sys/kernel/security/lockdown (kernel_lockdown(7)): "none [integrity] confidentiality". */
  readonly lockdown: string;
}

/** What stands in the way, and what can be done about it; both are sentences or empty. */
export interface Obstacle {
  readonly why: string;
  readonly hint: string;
}

/** <linux/capability.h>: what BPF programs for cgroups, maps that others have made, and mounting take. */
const CAPABILITIES = { CAP_BPF: 39, CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 } as const;
/** A process that is in no user namespace but the first: all ids are themselves. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

const HINTS = {
  userNamespace: 'It has to be done on the host, or in a container without a user namespace of its own.',
  capabilities:
    'They are given to a container by --cap-add, and to a unit by CapabilityBoundingSet=; sudo has them all.',
  lockdown:
    'The kernel has to be started without lockdown=, which Secure Boot may turn on (kernel_lockdown(7)).',
  seccomp: 'The filter has to allow bpf(2) and mount(2): a container has one unless it is told otherwise.',
  unknown:
    'A security module, such as SELinux, may not allow it: the log of the kernel says so. Before Linux 5.11 a limit ' +
    'of locked memory (ulimit -l) can be too low.',
} as const;

/** What stands in the way of EPERM. */
export function obstacleIn({ status, uidMap, lockdown }: Privilege): Obstacle {
  const missing = missingCapabilities(status);
  if (uidMap !== '' && !ALL_IDS.test(uidMap)) {
    return {
      why: 'this process is in a user namespace, which has no rights of that kind',
      hint: HINTS.userNamespace,
    };
  }
  if (missing.length > 0) return { why: `this process lacks ${listed(missing)}`, hint: HINTS.capabilities };
  const [, mode = 'none'] = /\[(\w+)\]/.exec(lockdown) ?? [];
  if (mode !== 'none') return { why: `the kernel is locked down (${mode})`, hint: HINTS.lockdown };
  if (/^Seccomp:\s*2$/m.test(status)) return { why: 'a seccomp filter is in force', hint: HINTS.seccomp };
  return { why: '', hint: HINTS.unknown };
}

/** CAP_SYS_ADMIN stands for the others: they have been taken out of it (capabilities(7)). */
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

/** What stands in this process's way. */
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
