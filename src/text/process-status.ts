// What a process may do, by its file "status" in /proc (proc_pid_status(5)).
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

interface ProcessStatus {
  /** Its effective group, and its supplementary ones. */
  readonly gids: readonly number[];
  /** Its effective capabilities: a bit for each number of <linux/capability.h>. */
  readonly capabilities: bigint;
  /** Those that it, and what it starts, can have at all: root's, too (capabilities(7)). */
  readonly bounding: bigint;
}

/** Reads the lines that are known; undefined if one of them is missing or is not as Linux prints it. */
export function parseProcessStatus(text: string): ProcessStatus | undefined {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const gid = idIn(field('Gid'));
  const groups = field('Groups');
  const capabilities = bitsIn(field('CapEff'));
  const bounding = bitsIn(field('CapBnd'));
  if (gid === undefined || groups === undefined) return undefined;
  if (capabilities === undefined || bounding === undefined) return undefined;
  const others = groups.split(' ').flatMap((digits) => parseDecimal(digits, UID_MAX) ?? []);
  return { gids: [...new Set([gid, ...others])], capabilities, bounding };
}

function bitsIn(digits: string | undefined): bigint | undefined {
  return digits !== undefined && /^[0-9a-f]{1,16}$/.test(digits) ? BigInt(`0x${digits}`) : undefined;
}

/** The effective one of the real, effective, saved and file system's. */
function idIn(ids: string | undefined): number | undefined {
  return parseDecimal(ids?.split(/\s+/)[1] ?? '', UID_MAX);
}
