// Pools of this host that overlap: each other, the range of clients, or what the profile reserves.

import type { PortRange } from '../../../../base/port.ts';
import type { Pool } from '../../../../names/core/default-ranges.ts';
import { check } from '../check.ts';
import { countOf, placeOf, portsText, useText } from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

/** The reservations that a finding names. */
const NAMED_MAX = 3;

/** What two ranges have in common. */
function common(a: PortRange, b: PortRange): PortRange | undefined {
  const both = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) };
  return both.first <= both.last ? both : undefined;
}

const poolText = (pool: Pool): string => `${pool.title} (${portsText(pool)}: ${pool.says})`;

export const POOLS_OVERLAP = check({
  code: 'POOLS_OVERLAP',
  title: 'two programs choose ports from the same pool',
  severities: ['warning'],
  why: 'each takes a port for free that the other has promised to somebody',
  explanation: [
    'Two of the pools on this host overlap: NodePorts of Kubernetes, the dynamic ports of Nomad, the pool of ' +
      'portserver, the ports that docker run -P publishes. A pool counts only where its program runs in this ' +
      'network or its configuration is here, and then with what that says.',
    'Move one of them: --service-node-port-range of kube-apiserver, min_dynamic_port and max_dynamic_port of ' +
      'Nomad, --portserver_static_pool of portserver. Docker goes by net.ipv4.ip_local_port_range, and takes ports ' +
      'that are reserved there as well.',
  ],
  run: ({ snapshot }) =>
    snapshot.pools.flatMap((one, at) =>
      snapshot.pools.slice(at + 1).flatMap((other): Found[] => {
        const both = common(one, other);
        if (!both || one.id === other.id) return [];
        return [
          {
            seen: `${poolText(one)} and ${poolText(other)} have ${portsText(both)} in common`,
            ports: [both],
            advice: 'Move one of the two.',
          },
        ];
      }),
    ),
});

/** A port that is held as soon as it is chosen is given to no client. */
export const POOL_EPHEMERAL = check({
  code: 'POOL_EPHEMERAL',
  title: 'a pool overlaps the range of clients',
  severities: ['warning'],
  why: 'the kernel gives a client a port that the pool has promised to somebody, whose traffic goes astray',
  explanation: [
    'A pool of this host reaches into net.ipv4.ip_local_port_range, the ports are not in ' +
      'net.ipv4.ip_local_reserved_ports, and who chooses from the pool does not hold the port by a socket: ' +
      'kube-proxy binds no NodePort. Docker binds what it publishes, so that no client gets it.',
    `${FIX_RESERVES} Where that would leave fewer than half of the ports for clients, the pool is to be moved ` +
      'by hand.',
  ],
  run: (facts) =>
    facts.snapshot.pools.flatMap((pool): Found[] => {
      const ports = pool.isHeld ? [] : facts.givenOf(pool);
      if (ports.length === 0) return [];
      const range = portsText(facts.snapshot.kernel.ephemeral);
      return [
        {
          seen: `${countOf(ports)} of ${poolText(pool)} are among those that the kernel gives to clients (${range})`,
          ports,
          ...facts.mending(ports),
        },
      ];
    }),
});

/** Whoever tries to have a port at once goes on with the next one when the guard refuses it. */
export const POOL_RESERVED = check({
  code: 'POOL_RESERVED',
  title: 'a pool overlaps what the profile reserves',
  severities: ['warning'],
  why: 'the pool gives out ports that the guard refuses to whoever gets them, or that a service waits for',
  explanation: [
    'A pool of this host has ports in it that the profile reserves for other jobs. Move the pool, or the ' +
      'reservation, or reserve those ports for the jobs that use the pool. Docker goes on with the next port when ' +
      'the guard refuses one, and is told only where the guard does not enforce the profile.',
  ],
  run: (facts) => {
    const { inForce, pools } = facts.snapshot;
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
          seen: `the profile reserves some of ${poolText(pool)}: ${named.join(', ')}${more}`,
          ports: others.flatMap((each) => common(pool, each) ?? []),
          advice: 'Move the pool or the reservations, or reserve the ports for the jobs that use the pool.',
        },
      ];
    });
  },
});
