// The file /etc/services: names that IANA gives to others, and entries that somebody may have taken for reservations.
import type { Protocol } from '../../../../base/port.ts';
import type { ServiceEntry } from '../../../../names/core/services.ts';
import { check } from '../check.ts';
import { type Facts, isSameName, only, portsText } from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

/** An entry for a protocol that IANA's names are known of. */
type Entry = ServiceEntry & { readonly protocol: Protocol };

const isKnown = (entry: ServiceEntry): entry is Entry => entry.protocol === 'tcp' || entry.protocol === 'udp';

/** Entries of this host, and those of the system whose port is in use or reserved. */
export const SERVICES_DISAGREE = check({
  code: 'SERVICES_DISAGREE',
  title: 'an entry of /etc/services disagrees with IANA',
  severities: ['info'],
  why: 'other hosts know the port under another name, and the service that it is assigned to may come one day',
  explanation: [
    'An entry gives a port a name, and IANA has assigned the port to another one. Nothing prevents that; it ' +
      'only says that two services want the port. Entries of this host, below the line "# Local services", are ' +
      'told, and of those that came with the system the ones whose port somebody has here, or the profile ' +
      'reserves.',
  ],
  run: (facts) => {
    const { services, ianaNames } = facts.snapshot;
    return services.entries.filter(isKnown).flatMap((entry): Found[] => {
      const { name, aliases, port, protocol, line } = entry;
      const { localFrom } = services;
      const isOwn = localFrom !== undefined && line >= localFrom;
      if (!isOwn && !isInUse(facts, entry)) return [];
      const names = ianaNames(port, protocol);
      const isSame = names.some((each) => [name, ...aliases].some((own) => isSameName(own, each)));
      if (names.length === 0 || isSame) return [];
      return [
        {
          seen:
            `/etc/services:${line} calls ${port}/${protocol} ${name}, and IANA has assigned it to ` +
            names.join(' and '),
          ports: only(port),
          protocol,
          advice: 'Ports that nobody has: portreeve suggest',
        },
      ];
    });
  },
});

function isInUse(facts: Facts, { port, protocol }: Entry): boolean {
  return facts.listenerAt(port, protocol) !== undefined || facts.reservationsAt(port, protocol).length > 0;
}

/** A port on which something listens is told by SERVICE_EPHEMERAL. */
export const SERVICES_RESERVE_NOTHING = check({
  code: 'SERVICES_RESERVE_NOTHING',
  title: 'an entry of /etc/services reserves nothing',
  severities: ['warning'],
  why: 'no kernel reads the file: a client can be given the port',
  explanation: [
    '"Many people have thought that adding an entry in the services file will reserve that port number." The ' +
      'entry names a port inside net.ipv4.ip_local_port_range that is not in net.ipv4.ip_local_reserved_ports. ' +
      'Entries of this host are told: those below the line "# Local services". In a file without that line it is ' +
      'those from port 32768 on that neither IANA has nor the files of Debian, Red Hat, SUSE and Arch.',
    FIX_RESERVES,
  ],
  run: (facts) => {
    const { services, kernel } = facts.snapshot;
    const reported = new Set<string>();
    return services.entries.filter(isKnown).flatMap((entry): Found[] => {
      const { name, port, protocol, line } = entry;
      const key = `${port}/${protocol}`;
      const isFree = facts.isGiven(port) && !facts.listenerAt(port, protocol);
      if (!isFree || reported.has(key) || !facts.isOfThisHost(entry)) return [];
      reported.add(key);
      const ports = only(port);
      return [
        {
          seen:
            `/etc/services:${line} gives ${port}/${protocol} to ${name}, and the kernel gives ` +
            `${portsText(kernel.ephemeral)} to clients`,
          ports,
          protocol,
          ...facts.mending(ports),
        },
      ];
    });
  },
});
