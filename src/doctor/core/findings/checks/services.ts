// The file /etc/services: names that IANA gives to others, and entries that somebody may have taken for reservations.
import type { Protocol } from '../../../../base/port.ts';
import type { ServiceEntry } from '../../../../names/core/services.ts';
import { type Facts, isSameName, only, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** An entry for a protocol that IANA's names are known of. */
type Entry = ServiceEntry & { readonly protocol: Protocol };

const isKnown = (entry: ServiceEntry): entry is Entry => entry.protocol === 'tcp' || entry.protocol === 'udp';

/** SERVICES_DISAGREE: entries of this host, and those of the system whose port is in use or reserved. */
export function servicesDisagree(facts: Facts): Found[] {
  const { services, ianaNames } = facts.scene;
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
        code: 'SERVICES_DISAGREE',
        severity: 'info',
        seen:
          `/etc/services:${line} calls ${port}/${protocol} ${name}, and IANA has assigned it to ` +
          names.join(' and '),
        ports: only(port),
        protocol,
        advice: 'Ports that nobody has: portreeve suggest',
        remedy: undefined,
      },
    ];
  });
}

function isInUse(facts: Facts, { port, protocol }: Entry): boolean {
  return facts.listenerAt(port, protocol) !== undefined || facts.reservationsAt(port, protocol).length > 0;
}

/** SERVICES_RESERVE_NOTHING. A port on which something listens is told by SERVICE_EPHEMERAL. */
export function servicesReserveNothing(facts: Facts): Found[] {
  const { services, kernel } = facts.scene;
  const told = new Set<string>();
  return services.entries.filter(isKnown).flatMap((entry): Found[] => {
    const { name, port, protocol, line } = entry;
    const key = `${port}/${protocol}`;
    const isFree = facts.isGiven(port) && !facts.listenerAt(port, protocol);
    if (!isFree || told.has(key) || !facts.isOfThisHost(entry)) return [];
    told.add(key);
    const ports = only(port);
    return [
      {
        code: 'SERVICES_RESERVE_NOTHING',
        severity: 'warning',
        seen:
          `/etc/services:${line} gives ${port}/${protocol} to ${name}, and the kernel gives ` +
          `${portsText(kernel.ephemeral)} to clients`,
        ports,
        protocol,
        ...facts.mending(ports),
      },
    ];
  });
}
