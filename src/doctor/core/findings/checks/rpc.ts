// Checks for RPC programs: registered without a socket, on ports of other services, or able to take one; and for
// profiles that leave bindresvport(3) no port.
import { formatIp, hostPortText, type IpAddress, isWildcard } from '../../../../base/address.ts';
import type { Protocol } from '../../../../base/port.ts';
import type { RegisteredProgram } from '../../../../portmap/core/registered-program.ts';
import type { ListedSocket } from '../../../../sockets/core/socket-snapshot.ts';
import { RESVPORT_MAX, RESVPORT_MIN } from '../../../text/bindresvport.ts';
import { check } from '../check.ts';
import {
  countOf,
  type Facts,
  type Listener,
  only,
  ownerNamingPort,
  ownerText,
  placeOf,
  socketText,
  useText,
} from '../facts.ts';
import type { Found, Remedy } from '../finding.ts';

const PORTMAP_PROGRAM = 100000;

const programText = ({ name, program }: Pick<RegisteredProgram, 'name' | 'program'>): string =>
  name === undefined ? `program ${program}` : `${name} (program ${program})`;

const isResvport = (port: number): boolean => port >= RESVPORT_MIN && port <= RESVPORT_MAX;

/** libtirpc 1.3.3 tries the ports from here on in sequence for a server that does not bind a port itself. */
const DYNPORT_MIN = 49_152;
const isDynport = (port: number): boolean => port >= DYNPORT_MIN;

/** One finding for each program. */
export const RPC_SOCKET_GONE = check({
  code: 'RPC_SOCKET_GONE',
  title: 'a registered RPC program has no socket',
  severities: ['warning'],
  why: 'clients are directed to a port on which no program, or another program, answers',
  explanation: [
    'The port mapper has a registration, but no socket has its address and port. The program ended without removing ' +
      'the registration, or restarted on another port.',
    'Start the program again, or remove the registration: portreeve portmap unset PROGRAM VERSION. If containers ' +
      'register with the port mapper, their sockets are not visible from here.',
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
          what: `${programText(one)} is registered at ${where}${more}, but has no socket there`,
          ports: ports.flatMap(only),
          protocol: all.every((each) => each.protocol === protocol) ? protocol : undefined,
          advice: `Start it again, or remove its registrations: ${commands.join('; ')}`,
        },
      ];
    });
  },
});

/** Whether a socket receives what is sent to the registered address. */
function hasSocket(facts: Facts, { port, protocol, address }: RegisteredProgram): boolean {
  const sockets = facts.listenerAt(port, protocol)?.sockets ?? [];
  return sockets.some(({ socket }) => receives(socket, address));
}

/** For a wildcard address: whether the socket receives anything of its family. */
function receives({ local, v6Only }: ListedSocket['socket'], address: IpAddress): boolean {
  const isSameFamily = local.address.family === address.family;
  if (!isSameFamily) return local.address.family === 6 && isWildcard(local.address) && !v6Only;
  return isWildcard(local.address) || isWildcard(address) || formatIp(local.address) === formatIp(address);
}

export const RPC_ON_ASSIGNED_PORT = check({
  code: 'RPC_ON_ASSIGNED_PORT',
  title: 'an RPC program holds the port of another service',
  severities: ['warning', 'info'],
  why: 'the other service cannot start while the RPC program holds the port',
  explanation: [
    'An RPC program requested any port (bindresvport(3)) and was assigned one below 1024 that belongs to another ' +
      'service. The RPC program can use any other port.',
    'It is a warning where /etc/services of this host assigns the port to the service or the blacklist contains the ' +
      'port, and an info where only IANA has assigned it. Restart the RPC program after the service. bindresvport(3) ' +
      'never assigns a port in /etc/bindresvport.blacklist.',
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
        : ` To exclude the port in the future, add ${port} to /etc/bindresvport.blacklist.`;
      return [
        {
          severity: owner.isKnownHere ? 'warning' : 'info',
          what: `${programText(one)} holds ${port}/${protocol}, but ${owner.claim}`,
          ports: only(port),
          protocol,
          advice: `Restart the RPC program after the service to which the port belongs.${blacklist}`,
        },
      ];
    });
  },
});

/** The claim of another service on the port of an RPC program; undefined where there is none. */
function ownerOf(facts: Facts, { program, protocol, port }: RegisteredProgram) {
  const isOwn = (name: string) => facts.snapshot.programOf(name) === program;
  const services = facts.servicesAt(port, protocol);
  if (services.some(({ name, aliases }) => [name, ...aliases].some(isOwn))) return undefined;
  const [service] = services;
  if (service) return { claim: `/etc/services assigns it to ${service.name}`, isKnownHere: true };
  const names = facts.snapshot.ianaNames(port, protocol);
  if (names.some(isOwn)) return undefined;
  if (facts.snapshot.blacklist.includes(port)) {
    return { claim: '/etc/bindresvport.blacklist excludes it', isKnownHere: true };
  }
  return names[0] === undefined
    ? undefined
    : { claim: `IANA has assigned it to ${names[0]}`, isKnownHere: false };
}

export const RPC_COULD_TAKE_PORT = check({
  code: 'RPC_COULD_TAKE_PORT',
  title: 'an RPC program could take the port of a service',
  severities: ['warning'],
  why: 'at the next boot the program that starts first gets the port',
  explanation: [
    'A service listens on a port from 512 to 1023, RPC programs of this host are assigned ports from the same range ' +
      '(bindresvport(3)), and the port is not in /etc/bindresvport.blacklist.',
    'The fix adds it there. Services with assigned ports should be started before RPC programs (RFC 1700).',
  ],
  run: (facts) =>
    portRisks(facts).flatMap((portRisk): Found[] => {
      const { service, socket, isOlder } = portRisk;
      if (isOlder || !isResvport(service.port)) return [];
      const range = `${RESVPORT_MIN}-${RESVPORT_MAX}`;
      const what =
        `${rpcText(facts, portRisk)} is assigned ports from ${range}, where ${ownerText(socket)} listens on ` +
        socketText(socket);
      return [{ what, ...portsAndRemedy(facts, portRisk) }];
    }),
});

export const RPC_BEFORE_SERVICE = check({
  code: 'RPC_BEFORE_SERVICE',
  title: 'an RPC program started before a service whose port it could take',
  severities: ['warning'],
  why: 'the RPC program was not assigned the port this time, but may be at the next start',
  explanation: [
    'RFC 1700 specifies the order: first the services with assigned ports, then inetd, then RPC programs, which take ' +
      'any free port. Here an RPC program is older than a service whose port is in the range from which RPC programs ' +
      'are assigned theirs: 512 to 1023 for programs of root that use bindresvport(3), 49152 to 65535 for programs ' +
      'that leave the choice to libtirpc, and the ephemeral range for the others.',
    'The fix adds the port to /etc/bindresvport.blacklist, or to net.ipv4.ip_local_reserved_ports. No list stops ' +
      'libtirpc, which tries the ports from 49152 on by number: start the service first. The fix does not change ' +
      'the order of units.',
  ],
  run: (facts) =>
    portRisks(facts).flatMap((portRisk): Found[] => {
      const { socket, isOlder } = portRisk;
      if (!isOlder) return [];
      const what =
        `${rpcText(facts, portRisk)} started before ${ownerText(socket)}, which listens on ${socketText(socket)}, ` +
        'and could have been assigned that port';
      return [{ what, ...portsAndRemedy(facts, portRisk) }];
    }),
});

/** A service, and an RPC program that could be assigned its port. */
interface PortRisk {
  readonly service: Listener;
  /** The first socket of the service. */
  readonly socket: ListedSocket;
  readonly program: Listener;
  /** Whether the RPC program was started before the service. */
  readonly isOlder: boolean;
}

/** One for each service, with an RPC program that started before it, if there is one. */
function portRisks(facts: Facts): PortRisk[] {
  const programs = facts.listeners.filter(isAnyPort(facts));
  if (programs.length === 0) return [];
  const isProgram = belongsToProgram(facts);
  return facts.listeners.flatMap((service): PortRisk[] => {
    const [socket] = service.sockets;
    if (!socket || isProgram(service)) return [];
    const takers = programs.filter((program) => canTake(facts, program, service));
    const since = startOf(service);
    const older = takers.find((each) => since !== undefined && (startOf(each) ?? since) < since);
    const program = older ?? takers[0];
    return program ? [{ service, socket, program, isOlder: older !== undefined }] : [];
  });
}

function rpcText(facts: Facts, { program }: PortRisk): string {
  const [registration] = facts.registrationsAt(program.port, program.protocol);
  return registration ? programText(registration) : 'an RPC program';
}

function portsAndRemedy(facts: Facts, { program, service }: PortRisk): Omit<Found, 'what'> {
  const { port, protocol } = service;
  const remedy = remedyFor(facts, program, service);
  return {
    ports: only(port),
    protocol,
    advice: remedy ? '' : 'Start the service before the RPC programs.',
    remedy,
  };
}

/** Whether a listener belongs to a process with a registration, even for another port: it can use any port. */
function belongsToProgram(facts: Facts): (listener: Listener) => boolean {
  const registered = facts.listeners.filter(
    ({ port, protocol }) => facts.registrationsAt(port, protocol).length > 0,
  );
  const pidsOf = ({ sockets }: Listener) => sockets.flatMap(({ owners }) => owners.map(({ pid }) => pid));
  const pids = new Set(registered.flatMap(pidsOf));
  return (listener) => pidsOf(listener).some((pid) => pids.has(pid));
}

/** Whether a listener belongs to an RPC program that was assigned its port: it is registered, without a fixed port. */
function isAnyPort(facts: Facts): (listener: Listener) => boolean {
  return (listener) => {
    const { port, protocol } = listener;
    const registrations = facts
      .registrationsAt(port, protocol)
      .filter(({ program }) => program !== PORTMAP_PROGRAM);
    const isInRange = isResvport(port) || isDynport(port) || facts.isEphemeral(port);
    if (registrations.length === 0 || !isInRange || ownerNamingPort(listener)) return false;
    // Another name in /etc/services is that of the service whose port the program took.
    const isNamed = registrations.some((one) => isNamedFor(facts, one));
    return !isNamed && (isResvport(port) || facts.fixedPortReason(listener) === undefined);
  };
}

function isNamedFor(facts: Facts, { program, port, protocol }: RegisteredProgram): boolean {
  const entries = facts.servicesAt(port, protocol);
  return entries.some(({ name, aliases }) =>
    [name, ...aliases].some((word) => facts.snapshot.programOf(word) === program),
  );
}

/** Whether an RPC program could be assigned the port of a service when it restarts. */
function canTake(facts: Facts, program: Listener, service: Listener): boolean {
  const { port, protocol } = service;
  if (program.protocol !== protocol || facts.registrationsAt(port, protocol).length > 0) return false;
  if (isResvport(program.port)) {
    const isRefused =
      facts.snapshot.inForce?.guard === 'enforce' && facts.reservationsAt(port, protocol).length > 0;
    return isResvport(port) && !isRefused && !facts.snapshot.blacklist.includes(port);
  }
  const isReached = facts.isAssignable(port) || (isDynport(program.port) && isDynport(port));
  return isReached && facts.fixedPortReason(service) !== undefined;
}

/** The start time of the oldest owner, in ticks since boot. */
function startOf({ sockets }: Listener): number | undefined {
  const starts = sockets.flatMap(({ owners }) => owners.map(({ startTicks }) => startTicks));
  return starts.length === 0 ? undefined : Math.min(...starts);
}

/** Excludes the port of a service from those that an RPC program can be assigned. No list affects libtirpc. */
function remedyFor(
  facts: Facts,
  program: Listener,
  { port, protocol, sockets }: Listener,
): Remedy | undefined {
  if (!isResvport(port)) {
    return isDynport(program.port) && isDynport(port) ? undefined : facts.planReservation(only(port));
  }
  const name = facts.servicesAt(port, protocol)[0]?.name ?? sockets[0]?.owners[0]?.name ?? 'a service';
  return { reserve: [], blacklist: new Map([[port, name]]) };
}

/** A finding is reported if fewer ports than this are left. */
const RESVPORTS_FEW = 16;

/** Evaluated for a program whose job no reservation names. */
export const BINDRESVPORT_STOPPED = check({
  code: 'BINDRESVPORT_STOPPED',
  title: 'reservations leave too few ports for bindresvport(3)',
  severities: ['error', 'warning'],
  why: 'NFS mounts, rsh, and RPC programs of root need a port from 512 to 1023, and fail without one',
  explanation: [
    'bindresvport(3) tries the ports from 600 to 1023, then those from 512 to 599, and continues only after ' +
      'EADDRINUSE: any other error ends it. The finding is reported where a refused bind fails with another error, ' +
      'or where fewer than 16 ports are neither reserved, nor in /etc/bindresvport.blacklist, nor in use.',
    'It is an error where the guard enforces the profile and no port is left. Reserve fewer ports in that range.',
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
          what: ends
            ? `${rule}, and a refused bind(2) fails with ${inForce.errnoLow}, which ends bindresvport(3)`
            : `the profile reserves ${refused.length} of the ${countOf([range])} ${protocol.toUpperCase()} ports of ` +
              `bindresvport(3), and ${left} ${left === 1 ? 'is' : 'are'} left`,
          ports: [range],
          protocol,
          advice: ends
            ? 'Set errno_low = "EADDRINUSE" in the section [guard] of portreeve.toml.'
            : 'Reserve fewer ports from 512 to 1023.',
        },
      ];
    });
  },
});

/** A job name that no reservation can match except by a pattern for every job. */
const ANY_JOB = 'NOBODY.IN.PARTICULAR';

function refusedPorts(facts: Facts, protocol: Protocol): number[] {
  const ports: number[] = [];
  for (let port = RESVPORT_MIN; port <= RESVPORT_MAX; port++) {
    const reservations = facts.reservationsAt(port, protocol);
    const isFor = reservations.some(
      (each) => each.use.kind === 'JOB' && facts.permits(each, { job: ANY_JOB }),
    );
    if (reservations.length > 0 && !isFor) ports.push(port);
  }
  return ports;
}

/** The number of ports that are neither refused, nor in the blacklist, nor in use. */
function leftFor(facts: Facts, protocol: Protocol): number {
  const gone = new Set([...refusedPorts(facts, protocol), ...facts.snapshot.blacklist]);
  for (let port = RESVPORT_MIN; port <= RESVPORT_MAX; port++) {
    if (facts.listenerAt(port, protocol)) gone.add(port);
  }
  return RESVPORT_MAX - RESVPORT_MIN + 1 - gone.size;
}
