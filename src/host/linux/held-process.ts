// Holds processes open by their directory in /proc, so that a reused pid is not mistaken for them.
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { HeldProcess, HeldProcessInfo } from '../host.ts';
import { parseCgroupOf } from './cgroup.ts';

/**
 * Opens a process. Undefined if there is no such process. The directory belongs to the process, not to its pid: after
 * the process has been waited for, reads fail (ENOENT, ESRCH).
 */
export function holdProcess(pid: number): HeldProcess | undefined {
  try {
    const fd = openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    const directory = `/proc/self/fd/${fd}`;
    return { pid, inspect: () => inspectIn(directory), close: () => closeSync(fd) };
  } catch {
    return undefined;
  }
}

function inspectIn(directory: string): HeldProcessInfo | undefined {
  try {
    const status = readFileSync(`${directory}/status`, 'utf8');
    const numbers = (field: string, max: number) => {
      const text = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
      return text.split(/\s+/).map((digits) => parseDecimal(digits, max) ?? -1);
    };
    const [parent = -1] = numbers('PPid', PID_MAX);
    const cgroup = parseCgroupOf(readFileSync(`${directory}/cgroup`, 'utf8'));
    // A path outside our cgroup namespace begins with "/..", and is not reachable from here.
    const isSeen = !cgroup?.startsWith('/..');
    return { parent, uids: numbers('Uid', UID_MAX), cgroup: isSeen ? cgroup : undefined };
  } catch {
    return undefined;
  }
}
