// Every finding of the doctor by its code: what it is called, how grave it can be, why it matters, and what it means.

/**
 * `error`: it does not work, or is open to strangers, now. `warning`: it will go wrong one day. `info`: somebody should
 * know.
 */
export const SEVERITIES = ['info', 'warning', 'error'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What is said about all findings of a code. */
export interface CatalogueEntry {
  readonly title: string;
  /** Those that a finding of this code can have, the gravest first. */
  readonly severities: readonly Severity[];
  /** Why it matters, in a sentence. */
  readonly why: string;
  /** What it means, when it is said, and what to do: paragraphs. */
  readonly explanation: readonly string[];
}

const FIX_RESERVES =
  'The fix puts the ports into net.ipv4.ip_local_reserved_ports, now and for the next boot. A program can still bind ' +
  'such a port by its number; only the automatic choice leaves it out.';

export const CATALOGUE = {
  RESERVATION_EPHEMERAL: {
    title: 'a reserved port can be given to any client',
    severities: ['warning'],
    why: 'a client that the kernel gives the port keeps the server from starting, and ss -ltn does not show it',
    explanation: [
      'The profile in force reserves a port inside net.ipv4.ip_local_port_range that is not in ' +
        'net.ipv4.ip_local_reserved_ports. connect(2), and bind(2) to port 0, can be given that port at any moment.',
      'While such a client is connected, and for 60 seconds afterwards if it was the first to close, bind(2) of the ' +
        'server fails with EADDRINUSE, whatever options the server sets.',
      'A guard that enforces the profile keeps the list itself, in every network namespace in which it holds. ' +
        FIX_RESERVES,
    ],
  },
  SERVICE_EPHEMERAL: {
    title: 'a service listens on a port that can be given to any client',
    severities: ['warning'],
    why: 'when the service is restarted a client may have the port, and it does not start',
    explanation: [
      'A socket listens inside net.ipv4.ip_local_port_range, its port is not in ' +
        'net.ipv4.ip_local_reserved_ports, and the port is a fixed one: the command line of the program or ' +
        '/etc/services names it. One that the profile reserves is told by RESERVATION_EPHEMERAL.',
      'As long as it listens nobody else gets the port. Between its end and its next start anybody can.',
      `${FIX_RESERVES} A port below the range does as well: portreeve suggest names some.`,
    ],
  },
  LISTENER_EPHEMERAL: {
    title: 'a socket listens in the range of clients',
    severities: ['info'],
    why: 'a client can have its port at the next start',
    explanation: [
      'A socket listens inside net.ipv4.ip_local_port_range, and nothing says whether the program or the kernel ' +
        'chose the port. Programs that ask for port 0 and tell others what they got are in order.',
      'If the port is meant to be always the same, choose one below the range, or reserve it.',
    ],
  },
  CLIENT_ON_PORT: {
    title: 'a client has the port of a service',
    severities: ['error'],
    why: 'the service cannot start before the client has gone; after TIME_WAIT that takes up to 60 seconds',
    explanation: [
      'A port that the profile reserves, or that /etc/services of this host gives to a service of its own, is ' +
        'held by a socket of somebody else that does not listen: the kernel has given it to a client. It is told ' +
        'only while nobody listens on the port.',
      'A socket in TIME_WAIT has no process; the port is free again when its time is up. ' +
        'net.ipv4.tcp_fin_timeout does not change that. Otherwise the connection has to be ended: portreeve who ' +
        'PORT names its process.',
      'Reserve the port, so that it does not happen again: see RESERVATION_EPHEMERAL.',
    ],
  },
  EPHEMERAL_FEW: {
    title: 'few ports are left for clients',
    severities: ['error', 'warning'],
    why: 'when none is left connect(2) fails with EADDRNOTAVAIL, and bind(2) to port 0 with EADDRINUSE',
    explanation: [
      'Clients get their ports from net.ipv4.ip_local_port_range without net.ipv4.ip_local_reserved_ports. It is ' +
        'counted as the kernel counts: connect(2) of TCP can use a port again for another destination, so that ' +
        'only the connections from one address of this host to one address and port count together, with those in ' +
        'TIME_WAIT unless net.ipv4.tcp_tw_reuse has their ports used again; UDP, and bind(2) to port 0, need a port ' +
        'that nobody has.',
      'It is a warning from 80 percent on, and an error from 95, but for bind(2), which perhaps nobody calls. From ' +
        'half on connect(2) of TCP also becomes slower, because it looks through the even ports first.',
      'Keep connections open instead of making new ones, let the other side close first, use further addresses, ' +
        'or widen the range. Widening it needs care: look at what lies there, with portreeve suggest and portreeve ' +
        'stacks.',
    ],
  },
  OWNERS_DIFFER: {
    title: 'a port has different owners on IPv4 and IPv6',
    severities: ['warning'],
    why: 'which of the two a client reaches depends on how it resolves the name',
    explanation: [
      'Two programs hold one port, one for IPv4 and the other for IPv6, and both for this host or both for all ' +
        'of its addresses. Linux allows that when the IPv6 socket is IPv6 only (IPV6_V6ONLY). A port that one ' +
        'program has for both, and others share with it, is not told.',
      'A client that asks for localhost gets the one or the other. End one of them, or move it to another port.',
    ],
  },
  BOUND_NOT_LISTENING: {
    title: 'a port is bound, and nobody listens on it',
    severities: ['warning', 'info'],
    why: 'it keeps others from the port, and neither ss -ltn nor /proc/net/tcp shows it',
    explanation: [
      'A TCP socket is bound to the port and neither listens nor is connected. A program that stays like this has ' +
        'forgotten the socket, or holds the port on purpose.',
      'It is a warning where the port is not one of those that the kernel gives to clients, or is reserved. ' +
        'Inside the range of clients it may be one that is about to connect.',
    ],
  },
  LOW_PORT_UNPRIVILEGED: {
    title: 'a port below 1024 is held by an ordinary user',
    severities: ['warning'],
    why: 'others believe that only root can have such a port',
    explanation: [
      'The socket was made by an ordinary user (uid 1000 and more, but not nobody), and no reservation of the ' +
        'profile lets his job have the port. He could because net.ipv4.ip_unprivileged_port_start is low, or ' +
        'because the program has CAP_NET_BIND_SERVICE.',
      'Reserve the port for the job, so that it is said who may have it, or take the privilege away.',
    ],
  },
  LOW_PORTS_OPEN: {
    title: 'ports below 1024 are open to everybody',
    severities: ['warning', 'info'],
    why: 'a source port below 1024 proves nothing then, and any user can take the port of a service that is down',
    explanation: [
      'net.ipv4.ip_unprivileged_port_start is below 1024: from there on bind(2) asks for no privilege.',
      'It is a warning where something on this host lets in whoever has a low port: see LOW_PORT_TRUSTED.',
      'Set it to 1024 again, and give single ports away by the profile instead: a reservation below 1024 is a grant.',
    ],
  },
  LOW_PORT_TRUSTED: {
    title: 'a low source port is taken for a sign of root',
    severities: ['warning', 'info'],
    why: 'whoever has a host of his own has every port of it, so that this keeps nobody out',
    explanation: [
      'An NFS export has the option secure, which is the default, and believes its clients who their users are ' +
        '(sec=sys); or rshd, rlogind or lpd trust the hosts of /etc/hosts.equiv or /etc/hosts.lpd. All of them ask ' +
        'that the request comes from a port below 1024 and take that for a sign of root. "Making this assumption ' +
        'is dangerous because not all system enforce this restriction" (RFC 1700).',
      'For an export that is a note: trust the network that it is exported to, or use sec=krb5. It is a warning ' +
        'where low ports are open to every user of this host, and for rshd, rlogind and lpd where they listen.',
    ],
  },
  OPEN_TO_OTHERS: {
    title: 'a port that is meant to be local is open to other hosts',
    severities: ['error'],
    why: 'the profile binds the port to this host alone, and the socket takes connections from others',
    explanation: [
      'A reservation says BIND with an address of the loopback, and a socket on that port has another address, ' +
        'or all of them. It was bound before the guard enforced the profile, or the guard does not enforce it: ' +
        'what is bound already stays as it is.',
      'Restart the service while the guard enforces the profile, or give it that address in its own configuration.',
    ],
  },
  RESERVATION_HELD: {
    title: 'a reserved port is held by somebody else',
    severities: ['warning'],
    why: 'the service that it is reserved for cannot start',
    explanation: [
      'A socket listens on a port that the profile reserves for other jobs, or for no one: it was bound before the ' +
        'guard enforced the profile, or the guard does not. What is bound already stays as it is.',
      'A job is the one that the program was started under, else its unit, else its user, in capitals: what was ' +
        'started by hand has another one than the service has. Stop it, or reserve the port for it. portreeve guard ' +
        '--restarts lists all that the guard would refuse.',
    ],
  },
  RESERVATION_UNUSED: {
    title: 'nobody uses a reservation',
    severities: ['info'],
    why: 'the port is kept from others for nothing, or the service that should be there is not',
    explanation: [
      'The profile reserves ports for a job, and no socket has any of them. What is reserved for no one (RESERVED), ' +
        'INTCLIEN or AUTHPORT, or for every job, is not told.',
    ],
  },
  LISTENER_NOT_COVERED: {
    title: 'the profile does not cover a listener',
    severities: ['info'],
    why: 'when the service is down any other program can take its port',
    explanation: [
      'A profile is in force, a socket listens on a port that it does not reserve, and no PORT UNRSV entry names the ' +
        'job. Listeners in the range of clients are told only where their port is a fixed one.',
      'Write a PORT statement for it; the finding shows one.',
    ],
  },
  PROFILE_NOT_ENFORCED: {
    title: 'nothing enforces the profile',
    severities: ['info'],
    why: 'a profile was applied, and the kernel does not know it',
    explanation: [
      'There is a profile in force, and the guard is off or only observes. To enforce it: portreeve guard enforce.',
    ],
  },
  INADDRANY_NOT_RESERVED: {
    title: 'ports for any address are not reserved for the kernel',
    severities: ['warning'],
    why: 'a program that is given a port for all stacks finds it reserved for another job in one of them',
    explanation: [
      'NETWORK statements of BPXPRMxx set ports aside for bind(2) to port 0 and any address (INADDRANYPORT, ' +
        'INADDRANYCOUNT), and the profile does not reserve them for the job of the kernel, OMVS unless STARTUP_PROC ' +
        'says another; without a profile nothing does. The member is the one of --bpxprm, or of [doctor] bpxprm in ' +
        'portreeve.toml.',
      'Write the PORTRANGE statement that the finding shows.',
    ],
  },
  POOLS_OVERLAP: {
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
  },
  POOL_EPHEMERAL: {
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
  },
  POOL_RESERVED: {
    title: 'a pool overlaps what the profile reserves',
    severities: ['warning'],
    why: 'the pool gives out ports that the guard refuses to whoever gets them, or that a service waits for',
    explanation: [
      'A pool of this host has ports in it that the profile reserves for other jobs. Move the pool, or the ' +
        'reservation, or reserve those ports for the jobs that use the pool. Docker goes on with the next port when ' +
        'the guard refuses one, and is told only where the guard does not enforce the profile.',
    ],
  },
  RPC_SOCKET_GONE: {
    title: 'an RPC program is registered, and its socket is gone',
    severities: ['warning'],
    why: 'clients are sent to a port on which nobody answers, or somebody else',
    explanation: [
      'The port mapper has a registration for whose address and port there is no socket. The program has died ' +
        'without taking it back, or was restarted on another port.',
      'Start the program again, or take the registration back: portreeve portmap unset PROGRAM VERSION. A port ' +
        'mapper that containers register with knows programs whose sockets cannot be seen from here.',
    ],
  },
  RPC_ON_ASSIGNED_PORT: {
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
  },
  RPC_COULD_TAKE_PORT: {
    title: 'an RPC program could take the port of a service',
    severities: ['warning'],
    why: 'at the next boot whichever comes first has the port',
    explanation: [
      'A service listens on a port from 512 to 1023, RPC programs of this host get theirs from the same range ' +
        '(bindresvport(3)), and the port is not in /etc/bindresvport.blacklist.',
      'The fix puts it there. Services with assigned ports should be started before RPC programs (RFC 1700).',
    ],
  },
  RPC_BEFORE_SERVICE: {
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
  },
  BINDRESVPORT_STOPPED: {
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
  },
  SERVICES_DISAGREE: {
    title: 'an entry of /etc/services disagrees with IANA',
    severities: ['info'],
    why: 'other hosts know the port under another name, and the service that it is assigned to may come one day',
    explanation: [
      'An entry gives a port a name, and IANA has assigned the port to another one. Nothing prevents that; it ' +
        'only says that two services want the port. Entries of this host, below the line "# Local services", are ' +
        'told, and of those that came with the system the ones whose port somebody has here, or the profile ' +
        'reserves.',
    ],
  },
  SERVICES_RESERVE_NOTHING: {
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
  },
  SETTING_NOT_KEPT: {
    title: 'a setting of ports will be another after the next boot',
    severities: ['warning', 'info'],
    why: 'what works now because of it will not work then',
    explanation: [
      'net.ipv4.ip_local_port_range, ip_local_reserved_ports or ip_unprivileged_port_start is not what the files ' +
        'of sysctl.d(5) say. It is a warning where a file says something else, and a note where none says ' +
        'anything. Of the reserved ports those are told that are missing in the files; what the guard keeps in the ' +
        'list is left out, because the guard puts it there again.',
      'Write it into a file in /etc/sysctl.d, or run sysctl --system to have what the files say.',
    ],
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

/** What a finding is called: a word that does not change. */
export type Code = keyof typeof CATALOGUE;

/** Every code, in the order of the catalogue. */
export const CODES: readonly Code[] = Object.keys(CATALOGUE).filter((key): key is Code => key in CATALOGUE);
