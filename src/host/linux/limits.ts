// What this process may use, as /proc/self/limits tells (proc_pid_limits(5)).
import { readFileSync } from 'node:fs';
import { parseDecimal } from '../../base/port.ts';

/** What is assumed where the limit cannot be read: the usual soft limit. */
const USUAL_DESCRIPTORS = 1024;
/** The kernel's own bound (fs.nr_open) is below this. */
const DESCRIPTORS_MAX = 4_294_967_295;

/** How many descriptors this process may have open (the soft limit, which Node raises to the hard one). */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return parseDecimal(line?.[1] ?? '', DESCRIPTORS_MAX) ?? USUAL_DESCRIPTORS;
  } catch {
    return USUAL_DESCRIPTORS;
  }
}
