// The file /etc/services: names that IANA gives to others, and entries that somebody may have taken for reservations.
import type { Protocol } from '../../../base/port.ts';
import type { ServiceEntry } from '../../../names/services.ts';
import { type Facts, only, portsText } from '../facts.ts';
import type { Found } from '../finding.ts';

/** An entry for a protocol that IANA's names are known of. */
type Entry = ServiceEntry & { readonly protocol: Protocol };

const isKnown = (entry: ServiceEntry): entry is Entry => entry.protocol === 'tcp' || entry.protocol === 'udp';

/** What Debian's own file has in the range of clients. */
const OF_DEBIAN: ReadonlySet<string> = new Set(['dircproxy 57000', 'tfido 60177', 'fido 60179']);

/** SERVICES_DISAGREE: entries of this host, and those of the system whose port is in use or reserved. */
export function servicesDisagree(facts: Facts): Found[] {
  const { services, ianaNames } = facts.scene;
  return services.entries.filter(isKnown).flatMap((entry): Found[] => {
    const { name, aliases, port, protocol, line } = entry;
    const names = ianaNames(port, protocol);
    const isSame = names.length === 0 || names.some((each) => [name, ...aliases].some(like(each)));
    const { localFrom } = services;
    const isOwn = localFrom !== undefined && line >= localFrom;
    if (isSame || !(isOwn || isInUse(facts, entry))) return [];
    return [
      {
        code: 'SERVICES_DISAGREE',
        severity: 'info',
        seen: `line ${line} calls ${port}/${protocol} ${name}, and IANA has assigned it to ${names.join(' and ')}`,
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

/** Whether a name is another spelling of IANA's. */
function like(iana: string): (name: string) => boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return (name) => plain(name) === plain(iana);
}

/** SERVICES_RESERVE_NOTHING. A port on which something listens is told by SERVICE_EPHEMERAL. */
export function servicesReserveNothing(facts: Facts): Found[] {
  const { services, kernel } = facts.scene;
  const told = new Set<string>();
  return services.entries.filter(isKnown).flatMap((entry): Found[] => {
    const { name, port, protocol, line } = entry;
    const key = `${port}/${protocol}`;
    const isFree = facts.isGiven(port) && !facts.listenerAt(port, protocol);
    if (!isFree || told.has(key) || !isOfThisHost(facts, entry)) return [];
    told.add(key);
    const ports = only(port);
    const remedy = facts.reserving(ports);
    return [
      {
        code: 'SERVICES_RESERVE_NOTHING',
        severity: 'warning',
        seen:
          `line ${line} gives ${port}/${protocol} to ${name}, and the kernel gives ` +
          `${portsText(kernel.ephemeral)} to clients`,
        ports,
        protocol,
        advice: remedy
          ? ''
          : 'To reserve it would leave too few ports for clients: choose one below the range.',
        remedy,
      },
    ];
  });
}

/** From here on the files of systems name hardly a port: it is where Linux gives them to clients. */
const SYSTEMS_END = 32_768;

/** Whether an administrator has put an entry in: below the mark or, where there is none, where systems have none. */
function isOfThisHost({ scene }: Facts, { name, port, protocol, line }: Entry): boolean {
  const { localFrom } = scene.services;
  if (localFrom !== undefined) return line >= localFrom;
  const isOfSystem =
    OF_DEBIAN.has(`${name} ${port}`) || scene.ianaNames(port, protocol).some((each) => like(each)(name));
  return port >= SYSTEMS_END && !isOfSystem;
}
