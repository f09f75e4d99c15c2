// Reads resource limits of this process from /proc/self/limits (proc_pid_limits(5)).
import { readFileSync } from 'node:fs';
import { parseDecimal } from '../../base/port.ts';

/** The usual soft limit, in case it cannot be read. */
const USUAL_DESCRIPTORS = 1024;
/** Above the maximum of the kernel (fs.nr_open). */
const DESCRIPTORS_MAX = 4_294_967_295;

/** The maximum number of open descriptors (the soft limit, which Node raises to the hard limit). */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return parseDecimal(line?.[1] ?? '', DESCRIPTORS_MAX) ?? USUAL_DESCRIPTORS;
  } catch {
    return USUAL_DESCRIPTORS;
  }
}
