// Every check of the doctor, and a scene put to all of them.
import { DOCTOR_FINDINGS_ALIKE_MAX } from '../../../../base/limits.ts';
import { Facts } from '../facts.ts';
import { type Finding, type Found, joined, rankOf, withWords } from '../finding.ts';
import type { Scene } from '../scene.ts';
import { clientOnPort, listenerEphemeral, reservationAssignable, reservationEphemeral } from './ephemeral.ts';
import { ephemeralFew } from './ephemeral-few.ts';
import { lowPortsOpen, lowPortTrusted, lowPortUnprivileged } from './low-ports.ts';
import { poolEphemeral, poolReserved, poolsOverlap } from './pools.ts';
import {
  inaddrAny,
  listenerNotCovered,
  openToOthers,
  profileNotEnforced,
  reservationHeld,
  reservationUnused,
} from './profile.ts';
import { bindresvportStopped, rpcCouldTake, rpcOnAssignedPort, rpcSocketGone } from './rpc.ts';
import { servicesDisagree, servicesReserveNothing } from './services.ts';
import { settingNotKept } from './settings.ts';
import { boundNotListening, ownersDiffer } from './sockets.ts';

const CHECKS: readonly ((facts: Facts) => Found[])[] = [
  reservationEphemeral,
  reservationAssignable,
  listenerEphemeral,
  clientOnPort,
  ephemeralFew,
  ownersDiffer,
  boundNotListening,
  lowPortUnprivileged,
  lowPortsOpen,
  lowPortTrusted,
  openToOthers,
  reservationHeld,
  reservationUnused,
  listenerNotCovered,
  profileNotEnforced,
  inaddrAny,
  poolsOverlap,
  poolEphemeral,
  poolReserved,
  rpcSocketGone,
  rpcOnAssignedPort,
  rpcCouldTake,
  bindresvportStopped,
  servicesDisagree,
  servicesReserveNothing,
  settingNotKept,
];

/** What is wrong with a host, the gravest first, then by code and port. */
export function examineScene(scene: Scene): Finding[] {
  const facts = new Facts(scene);
  const all = CHECKS.flatMap((check) => check(facts));
  const byCode = [...Map.groupBy(all, ({ code }) => code).values()];
  return byCode.flatMap(fewOf).toSorted(compare).map(withWords);
}

function compare(a: Found, b: Found): number {
  const first = ({ ports }: Found) => ports[0]?.first ?? 0;
  return rankOf(b.severity) - rankOf(a.severity) || a.code.localeCompare(b.code) || first(a) - first(b);
}

/** The first findings of one code, the gravest first; what is more becomes one, with all the ports and remedies. */
function fewOf(all: readonly Found[]): Found[] {
  const sorted = all.toSorted(compare);
  const told = sorted.slice(0, DOCTOR_FINDINGS_ALIKE_MAX);
  const rest = sorted.slice(DOCTOR_FINDINGS_ALIKE_MAX);
  const [first] = rest;
  if (!first) return told;
  const remedies = rest.flatMap(({ remedy }) => remedy ?? []);
  const together: Found = {
    ...first,
    seen: `${rest.length} more, such as: ${first.seen}`,
    ports: rest.flatMap(({ ports }) => ports).toSorted((a, b) => a.first - b.first),
    protocol: undefined,
    remedy: remedies.length > 0 ? joined(remedies) : undefined,
  };
  return [...told, together];
}
