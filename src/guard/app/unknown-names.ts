// The names of jobs that rules spell out, and which of them nobody on this host has.
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

/** The names that rules spell out: jobs, and users and groups on the access lists of SAF. */
export function namesIn(
  { profile, racf }: Pick<InForce, 'profile' | 'racf'>,
  context: NameContext,
): { readonly jobs: readonly LiteralName[]; readonly ids: readonly string[] } {
  return { jobs: literalJobs(profile, context), ids: idsIn(racf) };
}

/** Of these names the ones that are no unit's, no user's, and none of the jobs that are set up here. */
export function unknownIn(
  jobs: readonly LiteralName[],
  files: Pick<Files, 'readText'>,
  isJob: (name: string) => boolean,
): readonly LiteralName[] {
  const { accounts } = readUsers(files);
  const users = new Set(accounts.map(({ name }) => name.toUpperCase()));
  return unknownNames(jobs, (name) => users.has(name) || isJob(name));
}
