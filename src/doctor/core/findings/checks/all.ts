// The list of all checks, in the order in which they are documented, and their evaluation on a snapshot.
import { DOCTOR_FINDINGS_PER_CODE_MAX } from '../../../../base/limits.ts';
import type { Check } from '../check.ts';
import { Facts } from '../facts.ts';
import { type Found, mergeRemedies, rankOf, type Severity } from '../finding.ts';
import type { Snapshot } from '../snapshot.ts';
import { POOL_EPHEMERAL, POOL_RESERVED, POOLS_OVERLAP } from './default-ranges.ts';
import { CLIENT_ON_PORT, LISTENER_EPHEMERAL, RESERVATION_EPHEMERAL, SERVICE_EPHEMERAL } from './ephemeral.ts';
import { EPHEMERAL_FEW } from './ephemeral-few.ts';
import { LOW_PORT_TRUSTED, LOW_PORT_UNPRIVILEGED, LOW_PORTS_OPEN } from './low-ports.ts';
import {
  INADDRANY_NOT_RESERVED,
  LISTENER_NOT_COVERED,
  OPEN_TO_OTHERS,
  PROFILE_NOT_ENFORCED,
  RESERVATION_HELD,
  RESERVATION_UNUSED,
} from './profile.ts';
import {
  BINDRESVPORT_STOPPED,
  RPC_BEFORE_SERVICE,
  RPC_COULD_TAKE_PORT,
  RPC_ON_ASSIGNED_PORT,
  RPC_SOCKET_GONE,
} from './rpc.ts';
import { SERVICES_DISAGREE, SERVICES_RESERVE_NOTHING } from './services.ts';
import { SETTING_NOT_KEPT } from './settings.ts';
import { BOUND_NOT_LISTENING, OWNERS_DIFFER } from './sockets.ts';

// If not all ports can be reserved, earlier checks take precedence.
const ALL = [
  RESERVATION_EPHEMERAL,
  SERVICE_EPHEMERAL,
  LISTENER_EPHEMERAL,
  CLIENT_ON_PORT,
  EPHEMERAL_FEW,
  OWNERS_DIFFER,
  BOUND_NOT_LISTENING,
  LOW_PORT_UNPRIVILEGED,
  LOW_PORTS_OPEN,
  LOW_PORT_TRUSTED,
  OPEN_TO_OTHERS,
  RESERVATION_HELD,
  RESERVATION_UNUSED,
  LISTENER_NOT_COVERED,
  PROFILE_NOT_ENFORCED,
  INADDRANY_NOT_RESERVED,
  POOLS_OVERLAP,
  POOL_EPHEMERAL,
  POOL_RESERVED,
  RPC_SOCKET_GONE,
  RPC_ON_ASSIGNED_PORT,
  RPC_COULD_TAKE_PORT,
  RPC_BEFORE_SERVICE,
  BINDRESVPORT_STOPPED,
  SERVICES_DISAGREE,
  SERVICES_RESERVE_NOTHING,
  SETTING_NOT_KEPT,
];

export type Code = (typeof ALL)[number]['code'];

export const CHECKS: readonly Check<Code>[] = ALL;
export const CODES: readonly Code[] = CHECKS.map(({ code }) => code);

/** The check of a code; undefined where there is no such code. */
export function checkOf(code: string): Check<Code> | undefined {
  return CHECKS.find((each) => each.code === code);
}

/** The result of a check, with the texts of the check. */
export interface Finding extends Found<Severity>, Pick<Check<Code>, 'code' | 'title' | 'why'> {
  readonly severity: Severity;
}

/** The findings of a host, most severe first, then by code and port. */
export function examineSnapshot(snapshot: Snapshot): Finding[] {
  const facts = new Facts(snapshot);
  return CHECKS.flatMap((check) => limited(findingsOf(check, facts))).toSorted(compare);
}

function findingsOf({ code, title, why, severities, run }: Check<Code>, facts: Facts): Finding[] {
  return run(facts).map((found) => ({
    code,
    title,
    why,
    ...found,
    severity: found.severity ?? severities[0],
  }));
}

function compare(a: Finding, b: Finding): number {
  const first = ({ ports }: Finding) => ports[0]?.first ?? 0;
  return rankOf(b.severity) - rankOf(a.severity) || a.code.localeCompare(b.code) || first(a) - first(b);
}

/** The first findings of one code, most severe first. The rest are merged into one, with all ports and remedies. */
function limited(all: readonly Finding[]): Finding[] {
  const sorted = all.toSorted(compare);
  const reported = sorted.slice(0, DOCTOR_FINDINGS_PER_CODE_MAX);
  const rest = sorted.slice(DOCTOR_FINDINGS_PER_CODE_MAX);
  const [first] = rest;
  if (!first) return reported;
  const remedies = rest.flatMap(({ remedy }) => remedy ?? []);
  const merged: Finding = {
    ...first,
    what: `${rest.length} more, such as: ${first.what}`,
    ports: rest.flatMap(({ ports }) => ports).toSorted((a, b) => a.first - b.first),
    protocol: undefined,
    remedy: remedies.length > 0 ? mergeRemedies(remedies) : undefined,
  };
  return [...reported, merged];
}
