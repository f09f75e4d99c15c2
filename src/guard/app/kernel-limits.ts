// What the kernel at hand cannot do exactly of a profile, for whoever puts it in force and for whoever looks.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import type { Files, KernelBpf } from '../../host/host.ts';
import { type InForce, profileAfter, profileInForce } from '../../profile/app/in-force.ts';
import { safOf } from '../../profile/app/saf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { type Limit, limitsOf } from '../core/limits.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { FeatureProbe, type Trial } from './kernel/features.ts';

/** What it takes to find out. */
export interface LimitDeps {
  readonly bpf: Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'>;
  readonly files: Pick<Files, 'readText'>;
  readonly uid: number;
}

/** What of a profile this kernel does otherwise than its statements. */
export function statementLimits(inForce: InForce, deps: LimitDeps, choices: NameContext): readonly Limit[] {
  return profileLimits(inForce, deps, choices).filter(({ count }) => count > 0);
}

/** What of a profile this kernel does otherwise than it says, also where no statement is concerned. */
function profileLimits(
  inForce: InForce,
  deps: LimitDeps,
  { omvsJob, authportJobs }: NameContext,
): readonly Limit[] {
  const saf = safOf(inForce, deps.files);
  return limitsOf(inForce.profile, new FeatureProbe(deps), {
    authportJobs,
    omvsJob: omvsJob ?? 'OMVS',
    hasGroups: (resname) => (saf?.resource(resname).gids.size ?? 0) > 0,
  });
}

/** What a guard cannot do without and this kernel has not, or may not have. */
export function missingForGuard(deps: LimitDeps): readonly Trial[] {
  return new FeatureProbe(deps).missing();
}

/** What the kernel lacks. */
export interface GuardLacks {
  /** What the kernel does otherwise than the profile in force says; undefined where the profile is not known. */
  readonly limits: readonly Limit[] | undefined;
  /** Where there is no guard: what one cannot do without, and is missing or may be. */
  readonly missing: readonly Trial[];
}

/**
 * What the kernel lacks for the profile of a revision, or where no guard is there, for any. `archive`: that of the
 * guard; undefined where it is not known.
 */
export function guardLacks(
  { archive, ...deps }: LimitDeps & { readonly archive: ProfileArchive | undefined },
  revision: number | undefined,
  choices: NameContext,
): GuardLacks {
  const inForce = archive && knownProfile(archive, revision);
  const limits = inForce && profileLimits(inForce, deps, choices);
  return { limits, missing: revision === undefined ? missingForGuard(deps) : [] };
}

function knownProfile(archive: ProfileArchive, revision: number | undefined): InForce | undefined {
  try {
    return revision === undefined ? profileInForce(archive) : profileAfter(archive, revision);
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

/** The notes about the kernel's settings of ports that are not among the limits already. */
export function notesBeside(
  notes: readonly PortSettingNote[],
  limits: readonly Pick<Limit, 'code'>[],
): readonly PortSettingNote[] {
  const codes = new Set(limits.map(({ code }) => code));
  return notes.filter(({ code }) => !codes.has(code));
}

/** Throws PortreeveError `GUARD_INEXACT` (refused) where a program would get something else than the profile says. */
export function requireExact(limits: readonly Limit[]): void {
  const different = limits.filter(({ differs }) => differs);
  if (different.length === 0) return;
  const what =
    different.length === 1
      ? 'a thing that the profile says'
      : `${different.length} things that the profile says`;
  const hint = 'They are told above. Without --exact it is done as the kernel can.';
  throw new PortreeveError('GUARD_INEXACT', `the kernel cannot do ${what}: nothing is changed`, hint, {
    limits: different.map(({ code }) => code).join(' '),
  });
}
