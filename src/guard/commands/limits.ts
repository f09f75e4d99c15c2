// What the kernel cannot do exactly of a profile: told when it comes into force, listed for who looks.

import { PortreeveError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { LinuxBpf } from '../../host/linux/kernel-bpf.ts';
import { hostFiles } from '../../job/commands/host-files.ts';
import { SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import type { Io } from '../../kit/io.ts';
import { emphasize } from '../../kit/text.ts';
import { type InForce, profileAfter, profileInForce } from '../../profile/app/in-force.ts';
import { ownState, settleProfile } from '../../profile/commands/settings.ts';
import { SqliteProfileArchive } from '../../profile/linux/profile-archive.ts';
import type { Trial } from '../app/kernel/features.ts';
import { missingForGuard, profileLimits, requireExact } from '../app/limits.ts';
import type { Limit } from '../core/limits.ts';
import type { GuardOptions } from './deps.ts';

/** Whether nothing is to be done unless it can be done exactly. */
export interface ExactOption {
  readonly exact?: boolean;
}

/**
 * Tells what of a profile the kernel does otherwise, each thing once, before anything is changed. Gives the codes of
 * what was told. Throws PortreeveError `GUARD_INEXACT` (refused) with `--exact`.
 */
export async function tellLimits(
  inForce: InForce,
  options: GuardOptions & ExactOption,
  io: Io,
): Promise<ReadonlySet<string>> {
  const all = profileLimits(inForce, doorsOf(options, io), await settleProfile(options, io));
  const limits = all.filter(({ count }) => count > 0);
  for (const { instead, why, ...limit } of limits) {
    io.err(`${placeOf(limit)}: note: ${printable(instead)}\n${why === '' ? '' : `${printable(why)}\n`}`);
  }
  if (options.exact) requireExact(limits);
  return new Set(limits.map(({ code }) => code));
}

function doorsOf({ users, state }: GuardOptions, io: Io) {
  const files = users?.files ?? hostFiles(ownState(state, io));
  return { bpf: new LinuxBpf(), files, uid: io.uid };
}

/** "profile.tcpip:3", "profile.tcpip:3 (and 2 more)" */
function placeOf({ statements: [first], count }: Pick<Limit, 'statements' | 'count'>): string {
  const place = first ? `${printable(first.file)}:${first.line}` : '';
  return count > 1 ? `${place} (and ${count - 1} more)` : place;
}

/** What `portreeve guard` says beside the state of the guard. */
export interface GuardLacks {
  /** What the kernel does otherwise than the profile in force says; undefined where the profile cannot be told. */
  readonly limits: readonly Limit[] | undefined;
  /** Where there is no guard: what one cannot do without, and is missing or may be. */
  readonly missing: readonly Trial[];
}

/** What the kernel lacks for the profile of a revision, or where no guard is there, for any. */
export async function guardLacks(
  revision: number | undefined,
  options: GuardOptions,
  io: Io,
): Promise<GuardLacks> {
  const inForce = profileOf(revision, options);
  const limits = inForce && profileLimits(inForce, doorsOf(options, io), await settleProfile(options, io));
  return { limits, missing: revision === undefined ? missingForGuard(doorsOf(options, io)) : [] };
}

function profileOf(
  revision: number | undefined,
  { state, pins, runtime }: GuardOptions,
): InForce | undefined {
  // Whose rules a guard at another place goes by is not known.
  if (state === undefined && (pins !== undefined || runtime !== undefined)) return undefined;
  try {
    const archive = new SqliteProfileArchive(state ?? SYSTEM_DIRECTORIES.state);
    return revision === undefined ? profileInForce(archive) : profileAfter(archive, revision);
  } catch (thrown) {
    if (thrown instanceof PortreeveError && thrown.kind !== 'bug') return undefined;
    throw thrown;
  }
}

/** It for people, as further lines of the state. */
export function lacksText(io: Io, { limits = [], missing }: GuardLacks): string {
  const lines = [
    ...missing.map(({ message, hint }) => ['missing', hint === '' ? message : `${message}. ${hint}`]),
    ...limits.map((limit) => [
      'limit',
      limit.count > 0 ? `${limit.instead}: ${placeOf(limit)}` : limit.instead,
    ]),
  ];
  return lines
    .map(([name = '', text = '']) => `${emphasize(io, name.padEnd(8))}  ${printable(text)}\n`)
    .join('');
}

/** It for programs. */
export function lacksJson({ limits, missing }: GuardLacks) {
  return {
    limits: limits ?? null,
    missing: missing.map(({ has, message, hint }) => ({ certain: has === false, message, hint })),
  };
}

/** What is missing for certain, in words; empty where nothing is. */
export function missingText(io: Io): string {
  const certain = missingForGuard(doorsOf({}, io)).filter(({ has }) => has === false);
  return certain.map(({ message, hint }) => `${message}. ${hint}`).join(' ');
}
