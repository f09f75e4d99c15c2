// Pools of this host that overlap: each other, the range of clients, or what the profile reserves.

import type { PortRange } from '../../../../base/port.ts';
import type { Pool } from '../../../../names/core/pools.ts';
import { countOf, type Facts, placeOf, portsText, useText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** The reservations that a finding names. */
const NAMED_MAX = 3;

/** What two ranges have in common. */
function common(a: PortRange, b: PortRange): PortRange | undefined {
  const both = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) };
  return both.first <= both.last ? both : undefined;
}

const poolText = (pool: Pool): string => `${pool.title} (${portsText(pool)}: ${pool.says})`;

/** POOLS_OVERLAP. */
export function poolsOverlap({ scene }: Facts): Found[] {
  return scene.pools.flatMap((one, at) =>
    scene.pools.slice(at + 1).flatMap((other): Found[] => {
      const both = common(one, other);
      if (!both || one.id === other.id) return [];
      return [
        {
          code: 'POOLS_OVERLAP',
          severity: 'warning',
          seen: `${poolText(one)} and ${poolText(other)} have ${portsText(both)} in common`,
          ports: [both],
          protocol: undefined,
          advice: 'Move one of the two.',
          remedy: undefined,
        },
      ];
    }),
  );
}

/** POOL_EPHEMERAL. A port that is held as soon as it is chosen is given to no client. */
export function poolEphemeral(facts: Facts): Found[] {
  return facts.scene.pools.flatMap((pool): Found[] => {
    const ports = pool.isHeld ? [] : facts.givenOf(pool);
    if (ports.length === 0) return [];
    const range = portsText(facts.scene.kernel.ephemeral);
    return [
      {
        code: 'POOL_EPHEMERAL',
        severity: 'warning',
        seen: `${countOf(ports)} of ${poolText(pool)} are among those that the kernel gives to clients (${range})`,
        ports,
        protocol: undefined,
        ...facts.mending(ports),
      },
    ];
  });
}

/** POOL_RESERVED. Whoever tries to have a port at once goes on with the next one when the guard refuses it. */
export function poolReserved(facts: Facts): Found[] {
  const { inForce, pools } = facts.scene;
  const reservations = inForce?.profile.reservations ?? [];
  return pools.flatMap((pool): Found[] => {
    if (pool.isHeld && inForce?.guard === 'enforce') return [];
    const others = reservations.filter(
      (each) => common(pool, each) !== undefined && !pool.jobs.some((job) => facts.lets(each, { job })),
    );
    if (others.length === 0) return [];
    const named = others
      .slice(0, NAMED_MAX)
      .map((each) => `${portsText(each)}/${each.protocol} for ${useText(each)} (${placeOf(each)})`);
    const more = others.length > NAMED_MAX ? ` and ${others.length - NAMED_MAX} more` : '';
    return [
      {
        code: 'POOL_RESERVED',
        severity: 'warning',
        seen: `the profile reserves some of ${poolText(pool)}: ${named.join(', ')}${more}`,
        ports: others.flatMap((each) => common(pool, each) ?? []),
        protocol: undefined,
        advice: 'Move the pool or the reservations, or reserve the ports for the jobs that use the pool.',
        remedy: undefined,
      },
    ];
  });
}
