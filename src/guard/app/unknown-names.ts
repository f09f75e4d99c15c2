// Finds the names in a profile that belong to no unit, user or job of this host.
import type { Files } from '../../host/host.ts';
import { readUsers } from '../../job/app/users.ts';
import type { InForce } from '../../profile/app/in-force.ts';
import { idsIn } from '../../profile/app/racf.ts';
import {
  type LiteralName,
  literalJobs,
  type NameContext,
  unknownNames,
} from '../../profile/core/literal-names.ts';

/** The names without wildcards in a profile: jobs, and users and groups on SAF access lists. */
export function namesIn(
  { profile, racf }: Pick<InForce, 'profile' | 'racf'>,
  context: NameContext,
): { readonly jobs: readonly LiteralName[]; readonly ids: readonly string[] } {
  return { jobs: literalJobs(profile, context), ids: idsIn(racf) };
}

/** The names among these that belong to no unit, no user, and no configured job. */
export function unknownIn(
  jobs: readonly LiteralName[],
  files: Pick<Files, 'readText'>,
  isJob: (name: string) => boolean,
): readonly LiteralName[] {
  const { accounts } = readUsers(files);
  const users = new Set(accounts.map(({ name }) => name.toUpperCase()));
  return unknownNames(jobs, (name) => users.has(name) || isJob(name));
}
