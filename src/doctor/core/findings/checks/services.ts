// Checks of /etc/services: entries that differ from IANA, and entries that an administrator may mistake for
// reservations.
import type { Protocol } from '../../../../base/port.ts';
import type { ServiceEntry } from '../../../../names/core/services.ts';
import { check } from '../check.ts';
import { type Facts, isSameName, only, portsText } from '../facts.ts';
import { FIX_RESERVES, type Found } from '../finding.ts';

/** An entry for TCP or UDP. */
type Entry = ServiceEntry & { readonly protocol: Protocol };

const isKnown = (entry: ServiceEntry): entry is Entry => entry.protocol === 'tcp' || entry.protocol === 'udp';

/** Local entries, and entries of the distribution whose port is in use or reserved. */
export const SERVICES_DISAGREE = check({
  code: 'SERVICES_DISAGREE',
  title: 'an entry of /etc/services differs from IANA',
  severities: ['info'],
  why: 'other hosts know the port by another name, and the service to which it is assigned may be installed one day',
  explanation: [
    'An entry assigns a port to one service, and IANA to another. That is permitted, but shows that two services ' +
      'may want the port. Reported are the local entries, after the line "# Local services", and those entries of ' +
      'the distribution whose port is in use here or reserved by the profile.',
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
          what:
            `/etc/services:${line} assigns ${port}/${protocol} to ${name}, but IANA has assigned it to ` +
            names.join(' and '),
          ports: only(port),
          protocol,
          advice: 'To find a free port: portreeve suggest',
        },
      ];
    });
  },
});

function isInUse(facts: Facts, { port, protocol }: Entry): boolean {
  return facts.listenerAt(port, protocol) !== undefined || facts.reservationsAt(port, protocol).length > 0;
}

/** If a socket listens on the port, SERVICE_EPHEMERAL reports it instead. */
export const SERVICES_RESERVE_NOTHING = check({
  code: 'SERVICES_RESERVE_NOTHING',
  title: 'an entry of /etc/services does not reserve its port',
  severities: ['warning'],
  why: 'the kernel does not read the file and can assign the port to a client',
  explanation: [
    '"Many people have thought that adding an entry in the services file will reserve that port number." The ' +
      'port of the entry is inside net.ipv4.ip_local_port_range and not in net.ipv4.ip_local_reserved_ports. Only ' +
      'local entries are reported: those after the line "# Local services" or, in a file without that line, those ' +
      'from port 32768 on that are neither in the list of IANA nor in the files of Debian, Red Hat, SUSE and Arch.',
    FIX_RESERVES,
  ],
  run: (facts) => {
    const { services, kernel } = facts.snapshot;
    const reported = new Set<string>();
    return services.entries.filter(isKnown).flatMap((entry): Found[] => {
      const { name, port, protocol, line } = entry;
      const key = `${port}/${protocol}`;
      const isFree = facts.isAssignable(port) && !facts.listenerAt(port, protocol);
      if (!isFree || reported.has(key) || !facts.isLocalEntry(entry)) return [];
      reported.add(key);
      const ports = only(port);
      return [
        {
          what:
            `/etc/services:${line} assigns ${port}/${protocol} to ${name}, but the ephemeral range is ` +
            portsText(kernel.ephemeral),
          ports,
          protocol,
          ...facts.reserveAdvice(ports),
        },
      ];
    });
  },
});
