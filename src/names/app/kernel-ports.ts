// Reads the kernel's port settings: the ephemeral range, the reserved ports, and the first unprivileged port.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import { PORT_MAX, parseDecimal } from '../../base/port.ts';
import type { Files, Sysctls } from '../../host/host.ts';
import { parseLocalRange, parsePortList, rangesOfPorts } from '../../text/port-list.ts';
import { type KernelPorts, PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../core/kernel-ports.ts';

/** For kernels before 4.11, which do not have the setting. */
const USUAL_UNPRIVILEGED_START = 1024;

/**
 * The settings of this process's network namespace. Throws PortreeveError `SYSCTL_UNREADABLE`, `SYSCTL_MISSING` and
 * `SYSCTL_UNKNOWN` (environment).
 */
export function readKernelPorts(sysctls: Pick<Sysctls, 'read'>): KernelPorts {
  const range = sysctls.read(PORT_RANGE);
  if (range === undefined) throw missing(PORT_RANGE);
  const start = sysctls.read(UNPRIVILEGED_START);
  return {
    ephemeral: parseLocalRange(range) ?? unknown(PORT_RANGE, `"${range.slice(0, 40)}" is not a port range`),
    reserved: rangesOfPorts(reservedIn(sysctls.read(RESERVED_PORTS) ?? '')),
    unprivilegedStart: start === undefined ? USUAL_UNPRIVILEGED_START : startIn(start),
  };
}

function reservedIn(text: string): Set<number> {
  try {
    return parsePortList(text);
  } catch (thrown) {
    return unknown(RESERVED_PORTS, requireFailure(thrown).message);
  }
}

/** 65536 means that every port needs privilege. */
function startIn(text: string): number {
  const start = parseDecimal(text, PORT_MAX + 1);
  return start ?? unknown(UNPRIVILEGED_START, `"${text.slice(0, 40)}" is not a port number`);
}

function missing(name: string): PortreeveError {
  const hint = 'In some containers it is missing because /proc/sys is not mounted.';
  return new PortreeveError('SYSCTL_MISSING', `this kernel has no ${name}`, hint, { name });
}

function unknown(name: string, why: string): never {
  const message = `${name} has an unexpected format: ${why}`;
  throw new PortreeveError('SYSCTL_UNKNOWN', message, '', { name });
}

const UNPRIVILEGED_START_FILE = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const FILE_MAX_BYTES = 64;

/** The first unprivileged port of this network namespace, or 1024 if it cannot be read. */
export function unprivilegedStart(files: Pick<Files, 'readText'>): number {
  const text = files.readText(UNPRIVILEGED_START_FILE, FILE_MAX_BYTES)?.trim() ?? '';
  return parseDecimal(text, PORT_MAX + 1) ?? USUAL_UNPRIVILEGED_START;
}
