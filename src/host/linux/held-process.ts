// Processes that are held on to by their directory in /proc: whoever gets their number later is not taken for them.
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { HeldProcess, HeldProcessInfo } from '../host.ts';
import { parseCgroupOf } from './cgroup.ts';

/**
 * Holds on to a process; undefined if there is none of that number. What is opened belongs to this process and not to
 * its number: once it has been waited for, nothing is found there any more (ENOENT, ESRCH).
 */
export function holdProcess(pid: number): HeldProcess | undefined {
  try {
    const fd = openSync(`/proc/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
    const directory = `/proc/self/fd/${fd}`;
    return { pid, look: () => lookIn(directory), close: () => closeSync(fd) };
  } catch {
    return undefined;
  }
}

function lookIn(directory: string): HeldProcessInfo | undefined {
  try {
    const status = readFileSync(`${directory}/status`, 'utf8');
    const numbers = (field: string, max: number) => {
      const text = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
      return text.split(/\s+/).map((digits) => parseDecimal(digits, max) ?? -1);
    };
    const [parent = -1] = numbers('PPid', PID_MAX);
    const cgroup = parseCgroupOf(readFileSync(`${directory}/cgroup`, 'utf8'));
    // What lies outside of our cgroup namespace begins with "/..", and cannot be reached from here.
    const isSeen = !cgroup?.startsWith('/..');
    return { parent, uids: numbers('Uid', UID_MAX), cgroup: isSeen ? cgroup : undefined };
  } catch {
    return undefined;
  }
}
