// What the kernel at hand cannot do exactly of a profile, for whoever puts it in force and for whoever looks.
import { PortreeveError } from '../../base/errors.ts';
import type { Files, KernelBpf } from '../../host/host.ts';
import type { InForce } from '../../profile/app/in-force.ts';
import { safOf } from '../../profile/app/saf.ts';
import { type Limit, limitsOf } from '../core/limits.ts';
import { FeatureProbe, type Trial } from './kernel/features.ts';
import type { TableChoices } from './settings.ts';

/** What it takes to find out. */
export interface LimitDoors {
  readonly bpf: Pick<KernelBpf, 'tickUs' | 'cgroupRoot' | 'loadProgram'>;
  readonly files: Pick<Files, 'readText'>;
  readonly uid: number;
}

/** What of a profile this kernel does otherwise than it says. */
export function profileLimits(
  inForce: InForce,
  doors: LimitDoors,
  { omvsJob, authportJobs }: Pick<TableChoices, 'omvsJob' | 'authportJobs'>,
): readonly Limit[] {
  const saf = safOf(inForce, doors.files);
  return limitsOf(inForce.profile, new FeatureProbe(doors), {
    authportJobs,
    omvsJob: omvsJob ?? 'OMVS',
    hasGroups: (resname) => (saf?.resource(resname).gids.size ?? 0) > 0,
  });
}

/** What a guard cannot do without and this kernel has not, or may not have. */
export function missingForGuard(doors: LimitDoors): readonly Trial[] {
  return new FeatureProbe(doors).missing();
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
