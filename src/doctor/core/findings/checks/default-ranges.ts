// Checks for port ranges of programs on this host that overlap each other, the ephemeral range, or reserved ports.

import type { PortRange } from '../../../../base/port.ts';
import type { ConfiguredRange } from '../../../../names/core/default-ranges.ts';
import { check } from '../check.ts';
import { countOf, placeOf, portsText, useText } from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

/** The number of reservations that a finding lists. */
const NAMED_MAX = 3;

/** The intersection of two ranges. */
function common(a: PortRange, b: PortRange): PortRange | undefined {
  const both = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) };
  return both.first <= both.last ? both : undefined;
}

const rangeText = (range: ConfiguredRange): string => `${range.title} (${portsText(range)}: ${range.origin})`;

export const POOLS_OVERLAP = check({
  code: 'POOLS_OVERLAP',
  title: 'the port ranges of two programs overlap',
  severities: ['warning'],
  why: 'each program may assign a port that the other has already assigned',
  explanation: [
    'The ranges from which two programs on this host choose ports overlap: the NodePorts of Kubernetes, the dynamic ' +
      'ports of Nomad, the static pool of portserver, or the ports that docker run -P publishes. A range is ' +
      'considered only if its program runs in this network namespace or its configuration exists, and then as ' +
      'configured.',
    'Move one of them: --service-node-port-range of kube-apiserver, min_dynamic_port and max_dynamic_port of ' +
      'Nomad, --portserver_static_pool of portserver. Docker uses net.ipv4.ip_local_port_range, including the ' +
      'reserved ports.',
  ],
  run: ({ snapshot: { programRanges } }) =>
    programRanges.flatMap((one, at) =>
      programRanges.slice(at + 1).flatMap((other): Found[] => {
        const both = common(one, other);
        if (!both || one.id === other.id) return [];
        return [
          {
            what: `${rangeText(one)} and ${rangeText(other)} have ${portsText(both)} in common`,
            ports: [both],
            advice: 'Move one of the two.',
          },
        ];
      }),
    ),
});

/** Ranges whose program binds each port as soon as it is chosen are ignored: the kernel does not assign such a port. */
export const POOL_EPHEMERAL = check({
  code: 'POOL_EPHEMERAL',
  title: 'the port range of a program overlaps the ephemeral range',
  severities: ['warning'],
  why: 'the kernel may assign a client a port that the program has already assigned to a service',
  explanation: [
    'The range from which a program on this host chooses ports overlaps net.ipv4.ip_local_port_range, the ports are ' +
      'not in net.ipv4.ip_local_reserved_ports, and the program does not bind the ports that it chooses, so that the ' +
      'traffic of the client or of the service is misdirected: kube-proxy binds no NodePort. Docker binds the ports ' +
      'that it publishes and is not reported.',
    `${FIX_RESERVES} If that would leave less than half of the ephemeral range, move the range of the program ` +
      'instead.',
  ],
  run: (facts) =>
    facts.snapshot.programRanges.flatMap((range): Found[] => {
      const ports = range.isHeld ? [] : facts.assignableOf(range);
      if (ports.length === 0) return [];
      const ephemeral = portsText(facts.snapshot.kernel.ephemeral);
      return [
        {
          what: `the ephemeral range ${ephemeral} contains ${countOf(ports)} of ${rangeText(range)}`,
          ports,
          ...facts.reserveAdvice(ports),
        },
      ];
    }),
});

/** A program that binds each port as soon as it is chosen continues with the next one when the guard refuses it. */
export const POOL_RESERVED = check({
  code: 'POOL_RESERVED',
  title: 'the port range of a program overlaps reserved ports',
  severities: ['warning'],
  why: 'the program may assign a port that the guard then refuses, or that another service needs',
  explanation: [
    'The range from which a program on this host chooses ports contains ports that the profile reserves for other ' +
      'jobs. Move the range or the reservation, or reserve the ports for the jobs that use the range. Docker ' +
      'continues with the next port when the guard refuses one, and is reported only where the guard does not ' +
      'enforce the profile.',
  ],
  run: (facts) => {
    const { inForce, programRanges } = facts.snapshot;
    const reservations = inForce?.profile.reservations ?? [];
    return programRanges.flatMap((range): Found[] => {
      if (range.isHeld && inForce?.guard === 'enforce') return [];
      const others = reservations.filter(
        (each) =>
          common(range, each) !== undefined && !range.jobs.some((job) => facts.permits(each, { job })),
      );
      if (others.length === 0) return [];
      const named = others
        .slice(0, NAMED_MAX)
        .map((each) => `${portsText(each)}/${each.protocol} for ${useText(each)} (${placeOf(each)})`);
      const more = others.length > NAMED_MAX ? ` and ${others.length - NAMED_MAX} more` : '';
      return [
        {
          what: `the profile reserves some of ${rangeText(range)}: ${named.join(', ')}${more}`,
          ports: others.flatMap((each) => common(range, each) ?? []),
          advice: 'Move the range or the reservations, or reserve the ports for the jobs that use the range.',
        },
      ];
    });
  },
});
