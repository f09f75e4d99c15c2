// What a process may do, by its file "status" in /proc (proc_pid_status(5)).
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** What is read of it. */
export interface ProcessStatus {
  /** Its effective group, and its supplementary ones. */
  readonly gids: readonly number[];
  /** Its effective capabilities: a bit for each number of <linux/capability.h>. */
  readonly capabilities: bigint;
}

/** Reads the lines that are known; undefined if one of them is missing or is not as Linux prints it. */
export function parseProcessStatus(text: string): ProcessStatus | undefined {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const gid = idIn(field('Gid'));
  const groups = field('Groups');
  const capabilities = field('CapEff') ?? '';
  if (gid === undefined || groups === undefined) return undefined;
  if (!/^[0-9a-f]{1,16}$/.test(capabilities)) return undefined;
  const others = groups.split(' ').flatMap((digits) => parseDecimal(digits, UID_MAX) ?? []);
  return { gids: [...new Set([gid, ...others])], capabilities: BigInt(`0x${capabilities}`) };
}

/** The effective one of the real, effective, saved and file system's. */
function idIn(ids: string | undefined): number | undefined {
  return parseDecimal(ids?.split(/\s+/)[1] ?? '', UID_MAX);
}
