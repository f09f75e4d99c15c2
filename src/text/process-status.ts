// Parses the credentials in /proc/PID/status (proc_pid_status(5)).
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

interface ProcessStatus {
  /** The effective gid and the supplementary gids. */
  readonly gids: readonly number[];
  /** The effective capabilities: one bit for each number in <linux/capability.h>. */
  readonly capabilities: bigint;
  /** The capability bounding set (capabilities(7)). */
  readonly bounding: bigint;
}

/** Returns undefined if a required line is missing or malformed. */
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

/** The effective ID of the real, effective, saved and file system IDs. */
function idIn(ids: string | undefined): number | undefined {
  return parseDecimal(ids?.split(/\s+/)[1] ?? '', UID_MAX);
}
