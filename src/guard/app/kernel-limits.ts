// Where this kernel cannot enforce a profile exactly: for the commands that put it in force, and those that inspect it.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import type { Files, KernelBpf } from '../../host/host.ts';
import { type InForce, profileAfter, profileInForce } from '../../profile/app/in-force.ts';
import { safOf } from '../../profile/app/saf.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import type { NameContext } from '../../profile/core/literal-names.ts';
import { type Limit, limitsOf } from '../core/limits.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { FeatureProbe, type Trial } from './kernel/features.ts';

export interface LimitDeps {
  readonly bpf: Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'>;
  readonly files: Pick<Files, 'readText'>;
  readonly uid: number;
}

/** Where this kernel deviates from statements of a profile. */
export function statementLimits(inForce: InForce, deps: LimitDeps, choices: NameContext): readonly Limit[] {
  return profileLimits(inForce, deps, choices).filter(({ count }) => count > 0);
}

/** All deviations, including those that affect no statement. */
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

/** What the guard requires and this kernel lacks or may lack. */
export function missingForGuard(deps: LimitDeps): readonly Trial[] {
  return new FeatureProbe(deps).missing();
}

export interface GuardLacks {
  /** Where the kernel deviates from the profile in force; undefined where the profile is unknown. */
  readonly limits: readonly Limit[] | undefined;
  /** Where there is no guard: what it requires and is or may be missing. */
  readonly missing: readonly Trial[];
}

/**
 * What the kernel lacks for the profile of a revision, or, where there is no guard, for any profile. `archive`: that of
 * the guard; undefined where it is unknown.
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

/** The notes about the kernel's port settings, without those that are already reported as limits. */
export function otherNotes(
  notes: readonly PortSettingNote[],
  limits: readonly Pick<Limit, 'code'>[],
): readonly PortSettingNote[] {
  const codes = new Set(limits.map(({ code }) => code));
  return notes.filter(({ code }) => !codes.has(code));
}

/** Throws PortreeveError `GUARD_INEXACT` (refused) where programs would get something else than the profile states. */
export function requireExact(limits: readonly Limit[]): void {
  const different = limits.filter(({ differs }) => differs);
  if (different.length === 0) return;
  const what = different.length === 1 ? '1 thing' : `${different.length} things`;
  const message = `the kernel cannot do ${what} exactly as the profile states; nothing was changed`;
  const hint = 'See the notes above. Without --exact, the kernel does what it can.';
  const data = { limits: different.map(({ code }) => code).join(' ') };
  throw new PortreeveError('GUARD_INEXACT', message, hint, data);
}
