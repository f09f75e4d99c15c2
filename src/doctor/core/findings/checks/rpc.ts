// RPC programs: registered without a socket, on ports of others, or likely to take one; and what keeps them from any.
import { formatIp, hostPortText, type IpAddress, isWildcard } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import type { RegisteredProgram } from '../../../../portmap/core/registered-program.ts';
import type { SeenSocket } from '../../../../sockets/core/seen.ts';
import { RESVPORT_MAX, RESVPORT_MIN } from '../../../text/bindresvport.ts';
import { check } from '../check.ts';
import {
  countOf,
  type Facts,
  type Listener,
  only,
  ownerNaming,
  placeOf,
  useText,
  whereText,
  whoText,
} from '../facts.ts';
import type { Found, Remedy } from '../finding.ts';

/** The port mapper itself, which has a port of its own. */
const PORTMAP_PROGRAM = 100000;

const programText = ({ name, program }: Pick<RegisteredProgram, 'name' | 'program'>): string =>
  name === undefined ? `program ${program}` : `${name} (program ${program})`;

const isResvport = (port: number): boolean => port >= RESVPORT_MIN && port <= RESVPORT_MAX;

/** Where servers of libtirpc, but for those that bind ports themselves, try one number after the other (1.3.3). */
const DYNPORT_MIN = 49_152;
const isDynport = (port: number): boolean => port >= DYNPORT_MIN;

/** One for each program. */
export const RPC_SOCKET_GONE = check({
  code: 'RPC_SOCKET_GONE',
  title: 'an RPC program is registered, and its socket is gone',
  severities: ['warning'],
  why: 'clients are sent to a port on which nobody answers, or somebody else',
  explanation: [
    'The port mapper has a registration for whose address and port there is no socket. The program has died ' +
      'without taking it back, or was restarted on another port.',
    'Start the program again, or take the registration back: portreeve portmap unset PROGRAM VERSION. A port ' +
      'mapper that containers register with knows programs whose sockets cannot be seen from here.',
  ],
  run: (facts) => {
    const gone = (facts.snapshot.registrations ?? []).filter((one) => !hasSocket(facts, one));
    const byProgram = Map.groupBy(gone, ({ program }) => program);
    return [...byProgram].flatMap(([program, all]): Found[] => {
      const [one] = all;
      if (!one) return [];
      const { address, port, protocol } = one;
      const where = `${hostPortText(formatIp(address), port)}/${protocol}`;
      const more = all.length > 1 ? ` and ${all.length - 1} more places` : '';
      const versions = [...new Set(all.flatMap((each) => each.versions))].toSorted((a, b) => a - b);
      const commands = versions.map((version) => `portreeve portmap unset ${program} ${version}`);
      const ports = [...new Set(all.map((each) => each.port))].toSorted((a, b) => a - b);
      return [
        {
          seen: `${programText(one)} is registered at ${where}${more}, and no socket is there`,
          ports: ports.flatMap(only),
          protocol: all.every((each) => each.protocol === protocol) ? protocol : undefined,
          advice: `Start it again, or take back what is registered: ${commands.join('; ')}`,
        },
      ];
    });
  },
});

/** Whether some socket gets what is sent there. */
function hasSocket(facts: Facts, { port, protocol, address }: RegisteredProgram): boolean {
  const sockets = facts.listenerAt(port, protocol)?.sockets ?? [];
  return sockets.some(({ socket }) => takes(socket, address));
}

/** Whether a socket takes what comes to an address; to a wildcard, something of its family. */
function takes({ local, v6Only }: SeenSocket['socket'], address: IpAddress): boolean {
  const isSameFamily = local.address.family === address.family;
  if (!isSameFamily) return local.address.family === 6 && isWildcard(local.address) && !v6Only;
  return isWildcard(local.address) || isWildcard(address) || formatIp(local.address) === formatIp(address);
}

export const RPC_ON_ASSIGNED_PORT = check({
  code: 'RPC_ON_ASSIGNED_PORT',
  title: 'an RPC program sits on a port of somebody else',
  severities: ['warning', 'info'],
  why: 'the service that the port is assigned to cannot start while it does',
  explanation: [
    'An RPC program asked for any port (bindresvport(3)) and got one below 1024 that is assigned to another ' +
      'service. It would be just as happy with another one.',
    'It is a warning where /etc/services of this host names the service or the blacklist has the port, and a ' +
      'note where only IANA does. Restart the RPC program after the service. A port in ' +
      '/etc/bindresvport.blacklist is not given out again.',
  ],
  run: (facts) => {
    const reported = new Set<string>();
    return (facts.snapshot.registrations ?? []).flatMap((one): Found<'warning' | 'info'>[] => {
      const { program, protocol, port } = one;
      const key = `${program} ${port}/${protocol}`;
      const owner = port <= RESVPORT_MAX && program !== PORTMAP_PROGRAM ? ownerOf(facts, one) : undefined;
      if (!owner || reported.has(key)) return [];
      reported.add(key);
      const blacklist = facts.snapshot.blacklist.includes(port)
        ? ''
        : ` To have it never given out again, put ${port} into /etc/bindresvport.blacklist.`;
      return [
        {
          severity: owner.isKnownHere ? 'warning' : 'info',
          seen: `${programText(one)} is at port ${port}/${protocol}, and ${owner.says}`,
          ports: only(port),
          protocol,
          advice: `Restart the RPC program after the service that the port is for.${blacklist}`,
        },
      ];
    });
  },
});

/** Whose port an RPC program has; undefined where it is its own, or nobody's. */
function ownerOf(facts: Facts, { program, protocol, port }: RegisteredProgram) {
  const isOwn = (name: string) => facts.snapshot.programOf(name) === program;
  const services = facts.servicesAt(port, protocol);
  if (services.some(({ name, aliases }) => [name, ...aliases].some(isOwn))) return undefined;
  const [service] = services;
  if (service) return { says: `/etc/services gives it to ${service.name}`, isKnownHere: true };
  const names = facts.snapshot.ianaNames(port, protocol);
  if (names.some(isOwn)) return undefined;
  if (facts.snapshot.blacklist.includes(port)) {
    return { says: '/etc/bindresvport.blacklist keeps it for somebody else', isKnownHere: true };
  }
  return names[0] === undefined
    ? undefined
    : { says: `IANA has assigned it to ${names[0]}`, isKnownHere: false };
}

export const RPC_COULD_TAKE_PORT = check({
  code: 'RPC_COULD_TAKE_PORT',
  title: 'an RPC program could take the port of a service',
  severities: ['warning'],
  why: 'at the next boot whichever comes first has the port',
  explanation: [
    'A service listens on a port from 512 to 1023, RPC programs of this host get theirs from the same range ' +
      '(bindresvport(3)), and the port is not in /etc/bindresvport.blacklist.',
    'The fix puts it there. Services with assigned ports should be started before RPC programs (RFC 1700).',
  ],
  run: (facts) =>
    takings(facts).flatMap((taking): Found[] => {
      const { service, socket, isOlder } = taking;
      if (isOlder || !isResvport(service.port)) return [];
      const where = `where ${whoText(socket)} listens on ${whereText(socket)}`;
      return [
        { seen: `${granteeText(facts, taking)} gets its ports ${where}`, ...portsAndRemedy(facts, taking) },
      ];
    }),
});

export const RPC_BEFORE_SERVICE = check({
  code: 'RPC_BEFORE_SERVICE',
  title: 'an RPC program was started before a service whose port it could take',
  severities: ['warning'],
  why: 'it went well this time: the next start may give the port of the service to the RPC program',
  explanation: [
    'RFC 1700 has the order: first the services with assigned ports, then inetd, then RPC programs, which take ' +
      'any port that is free. Here an RPC program is older than a service whose port lies where RPC programs get ' +
      'theirs: from 512 to 1023 for those of root that use bindresvport(3), in the range of clients for the ' +
      'others, and from 49152 on for those that leave it to libtirpc.',
    'The fix puts the port into /etc/bindresvport.blacklist, or into net.ipv4.ip_local_reserved_ports. What ' +
      'libtirpc takes from 49152 on is tried number by number, and no list prevents that: start the service ' +
      'first. The order of the units is left as it is.',
  ],
  run: (facts) =>
    takings(facts).flatMap((taking): Found[] => {
      const { socket, isOlder } = taking;
      if (!isOlder) return [];
      const seen =
        `${granteeText(facts, taking)} was started before ${whoText(socket)}, which listens on ${whereText(socket)}, ` +
        'and could have got that port';
      return [{ seen, ...portsAndRemedy(facts, taking) }];
    }),
});

/** A service, and an RPC program that could be given its port. */
interface Taking {
  readonly service: Listener;
  /** The first of the service. */
  readonly socket: SeenSocket;
  readonly program: Listener;
  /** Whether the RPC program was started before the service. */
  readonly isOlder: boolean;
}

/** One for each service: an RPC program that was started before it, else any. */
function takings(facts: Facts): Taking[] {
  const programs = facts.listeners.filter(isAnyPort(facts));
  if (programs.length === 0) return [];
  const isProgram = isOfPrograms(facts);
  return facts.listeners.flatMap((service): Taking[] => {
    const [socket] = service.sockets;
    if (!socket || isProgram(service)) return [];
    const takers = programs.filter((program) => couldTake(facts, program, service));
    const since = startOf(service);
    const older = takers.find((each) => since !== undefined && (startOf(each) ?? since) < since);
    const program = older ?? takers[0];
    return program ? [{ service, socket, program, isOlder: older !== undefined }] : [];
  });
}

function granteeText(facts: Facts, { program }: Taking): string {
  const [registration] = facts.registrationsAt(program.port, program.protocol);
  return registration ? programText(registration) : 'an RPC program';
}

function portsAndRemedy(facts: Facts, { program, service }: Taking): Omit<Found, 'seen'> {
  const { port, protocol } = service;
  const remedy = keeping(facts, program, service);
  return {
    ports: only(port),
    protocol,
    advice: remedy ? '' : 'Start the service before the RPC programs.',
    remedy,
  };
}

/** Whether a listener is of a process that is registered, also by another port: such a one takes what it gets. */
function isOfPrograms(facts: Facts): (listener: Listener) => boolean {
  const registered = facts.listeners.filter(
    ({ port, protocol }) => facts.registrationsAt(port, protocol).length > 0,
  );
  const pidsOf = ({ sockets }: Listener) => sockets.flatMap(({ owners }) => owners.map(({ pid }) => pid));
  const pids = new Set(registered.flatMap(pidsOf));
  return (listener) => pidsOf(listener).some((pid) => pids.has(pid));
}

/** Whether a listener is an RPC program's that was given any port: it is registered, and nothing says which. */
function isAnyPort(facts: Facts): (listener: Listener) => boolean {
  return (listener) => {
    const { port, protocol } = listener;
    const registrations = facts
      .registrationsAt(port, protocol)
      .filter(({ program }) => program !== PORTMAP_PROGRAM);
    const isGivenOut = isResvport(port) || isDynport(port) || facts.isEphemeral(port);
    if (registrations.length === 0 || !isGivenOut || ownerNaming(listener)) return false;
    // A name in /etc/services is that of the service whose port it took, unless it is its own.
    const isNamed = registrations.some((one) => isNamedFor(facts, one));
    return !isNamed && (isResvport(port) || facts.fixedBecause(listener) === undefined);
  };
}

function isNamedFor(facts: Facts, { program, port, protocol }: RegisteredProgram): boolean {
  const entries = facts.servicesAt(port, protocol);
  return entries.some(({ name, aliases }) =>
    [name, ...aliases].some((word) => facts.snapshot.programOf(word) === program),
  );
}

/** Whether an RPC program that is started again could be given the port of a service. */
function couldTake(facts: Facts, program: Listener, service: Listener): boolean {
  const { port, protocol } = service;
  if (program.protocol !== protocol || facts.registrationsAt(port, protocol).length > 0) return false;
  if (isResvport(program.port)) {
    const isRefused =
      facts.snapshot.inForce?.guard === 'enforce' && facts.reservationsAt(port, protocol).length > 0;
    return isResvport(port) && !isRefused && !facts.snapshot.blacklist.includes(port);
  }
  const isReached = facts.isGiven(port) || (isDynport(program.port) && isDynport(port));
  return isReached && facts.fixedBecause(service) !== undefined;
}

/** When the oldest process that has it was started, in ticks since boot. */
function startOf({ sockets }: Listener): number | undefined {
  const starts = sockets.flatMap(({ owners }) => owners.map(({ startTicks }) => startTicks));
  return starts.length === 0 ? undefined : Math.min(...starts);
}

/** Takes the port of a service out of what an RPC program is given; no list keeps libtirpc from a port. */
function keeping(facts: Facts, program: Listener, { port, protocol, sockets }: Listener): Remedy | undefined {
  if (!isResvport(port)) {
    return isDynport(program.port) && isDynport(port) ? undefined : facts.reserving(only(port));
  }
  const name = facts.servicesAt(port, protocol)[0]?.name ?? sockets[0]?.owners[0]?.name ?? 'a service';
  return { reserve: [], blacklist: new Map([[port, name]]) };
}

/** Fewer ports than this are few. */
const RESVPORTS_FEW = 16;

/** For a program whose job is in no reservation. */
export const BINDRESVPORT_STOPPED = check({
  code: 'BINDRESVPORT_STOPPED',
  title: 'reservations leave bindresvport(3) no port',
  severities: ['error', 'warning'],
  why: 'NFS mounts, rsh and RPC programs of root need a port from 512 to 1023, and fail without one',
  explanation: [
    'bindresvport(3) tries the ports from 600 to 1023, then those from 512 on, and goes on at EADDRINUSE only: ' +
      'any other error ends it. It is told where a refused port fails with another error than EADDRINUSE, or ' +
      'where fewer than 16 ports are left that are neither reserved, nor in /etc/bindresvport.blacklist, nor ' +
      'held.',
    'It is an error where the guard enforces the profile and none is left. Reserve fewer ports there.',
  ],
  run: (facts) => {
    const { inForce } = facts.snapshot;
    if (!inForce) return [];
    return (['tcp', 'udp'] as const).flatMap((protocol): Found<'error' | 'warning'>[] => {
      const refused = refusedPorts(facts, protocol);
      const [first] = refused;
      if (first === undefined) return [];
      const [reservation] = facts.reservationsAt(first, protocol);
      const left = leftFor(facts, protocol);
      const ends = inForce.errnoLow !== 'EADDRINUSE';
      if (!reservation || (!ends && left >= RESVPORTS_FEW)) return [];
      const rule = `${placeOf(reservation)} reserves ${first}/${protocol} for ${useText(reservation)}`;
      const range = { first: RESVPORT_MIN, last: RESVPORT_MAX };
      return [
        {
          severity: inForce.guard === 'enforce' && left === 0 ? 'error' : 'warning',
          seen: ends
            ? `${rule}, and bind(2) fails with ${inForce.errnoLow} there, which ends bindresvport(3)`
            : `the profile reserves ${refused.length} of the ${countOf([range])} ports for bindresvport(3) over ` +
              `${protocol.toUpperCase()}, and ${left === 0 ? 'none is' : `${left} are`} left`,
          ports: [range],
          protocol,
          advice: ends ? 'Let the guard refuse with EADDRINUSE.' : 'Reserve fewer ports from 512 to 1023.',
        },
      ];
    });
  },
});

/** A job that no reservation names: bindresvport(3) is called by many. */
const ANYBODY = 'NOBODY.IN.PARTICULAR';

function refusedPorts(facts: Facts, protocol: Protocol): number[] {
  const ports: number[] = [];
  for (let port = RESVPORT_MIN; port <= RESVPORT_MAX; port++) {
    const reservations = facts.reservationsAt(port, protocol);
    const isFor = reservations.some((each) => each.use.kind === 'JOB' && facts.lets(each, { job: ANYBODY }));
    if (reservations.length > 0 && !isFor) ports.push(port);
  }
  return ports;
}

/** How many ports are neither refused, nor in the blacklist, nor held. */
function leftFor(facts: Facts, protocol: Protocol): number {
  const gone = new Set([...refusedPorts(facts, protocol), ...facts.snapshot.blacklist]);
  for (let port = RESVPORT_MIN; port <= RESVPORT_MAX; port++) {
    if (facts.listenerAt(port, protocol)) gone.add(port);
  }
  return RESVPORT_MAX - RESVPORT_MIN + 1 - gone.size;
}
