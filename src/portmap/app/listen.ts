// Where portmap is to listen, and opening all of it or nothing, with the reason and who is in the way.
import { formatIp, hostPortText, type IpAddress, isWildcard } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import type { Port } from '../../base/port.ts';
import type { EndpointSpec, Host, OpenEndpoint, OpenFailure, ProcessInfo, Sockets } from '../../host/host.ts';
import { unprivilegedStart } from '../../names/app/kernel-ports.ts';

export interface ListenRequest {
  /** The addresses that were asked for; loopback is always served besides. */
  readonly addresses: readonly IpAddress[];
  readonly port: Port;
  /** The path of the Unix socket; its abstract twin is "@" and the same path. */
  readonly localPath: string;
}

/** A socket to be opened. One that nobody asked for by name may be absent: a host can be without IPv4 or IPv6. */
interface PlannedEndpoint {
  readonly spec: EndpointSpec;
  readonly isRequired: boolean;
}

/** Why the guard refuses what is to be opened, as an error that says so; undefined where it does not. */
export type GuardAsked = (spec: IpEndpoint) => PortreeveError | undefined;

/** One with a port. */
export type IpEndpoint = Exclude<EndpointSpec, { readonly netid: 'local' }>;

/** Where it is opened. */
type ListenHost = Pick<Host, 'files' | 'sockets' | 'uid'>;

/** What was opened, and what this host does not have. */
export interface OpenedEndpoints {
  readonly endpoints: readonly OpenEndpoint[];
  readonly absent: readonly EndpointSpec[];
}

const LOOPBACK_V4: IpAddress = { family: 4, bytes: new Uint8Array([127, 0, 0, 1]) };
const LOOPBACK_V6: IpAddress = {
  family: 6,
  bytes: new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
};

/**
 * The sockets for a request: TCP and UDP on each address that no other one covers, loopback where none does, and the
 * Unix socket.
 */
export function planEndpoints(request: ListenRequest): PlannedEndpoint[] {
  const wanted = request.addresses.filter((address, i, all) => {
    return !all.some((other, j) => isCovered(address, other) && (j < i || !isCovered(other, address)));
  });
  const asked = wanted.map((address) => ({ address, isRequired: true }));
  const missing = [LOOPBACK_V4, LOOPBACK_V6].filter((loopback) => {
    return !request.addresses.some((address) => isCovered(loopback, address));
  });
  const addresses = [...asked, ...missing.map((address) => ({ address, isRequired: false }))];
  const ip = addresses.flatMap(({ address, isRequired }) => {
    const netids = address.family === 4 ? (['tcp', 'udp'] as const) : (['tcp6', 'udp6'] as const);
    return netids.map(
      (netid): PlannedEndpoint => ({ spec: { netid, address, port: request.port }, isRequired }),
    );
  });
  const local = [request.localPath, `@${request.localPath}`].map((path): PlannedEndpoint => {
    return { spec: { netid: 'local', path }, isRequired: true };
  });
  return [...ip, ...local];
}

/** Whether a socket on `by` takes what is sent to `address`. */
export function isCovered(address: IpAddress, by: IpAddress): boolean {
  return address.family === by.family && (isWildcard(by) || formatIp(address) === formatIp(by));
}

/** An endpoint as people write it: "127.0.0.1:111", "[::1]:111", or the path. */
export function endpointText(spec: EndpointSpec): string {
  if (spec.netid === 'local') return spec.path;
  return hostPortText(formatIp(spec.address), spec.port);
}

/**
 * Opens all that is planned, or nothing: then PortreeveError (environment) `ENDPOINT_TAKEN`, `ENDPOINT_DENIED`,
 * `ENDPOINT_ABSENT` or `ENDPOINT_FAILED` says which, why, and who has it, or what `guard` says. What is open already is
 * kept.
 */
export function openEndpoints(
  host: ListenHost,
  plan: readonly PlannedEndpoint[],
  open: readonly OpenEndpoint[] = [],
  guard: GuardAsked = () => undefined,
): OpenedEndpoints {
  const opened: OpenEndpoint[] = [];
  const endpoints: OpenEndpoint[] = [];
  const absent: EndpointSpec[] = [];
  try {
    for (const { spec, isRequired } of plan) {
      const kept = open.find((endpoint) => isSameEndpoint(endpoint.spec, spec));
      const result = kept ?? host.sockets.open(spec);
      if ('fd' in result) {
        endpoints.push(result);
        if (!kept) opened.push(result);
      } else if (result.reason === 'absent' && !isRequired) absent.push(spec);
      else throw refusedBy(guard, spec, result) ?? explainFailure(host, spec, result);
    }
    if (!endpoints.some(({ spec }) => spec.netid !== 'local')) {
      const message = 'this host has neither 127.0.0.1 nor ::1 to listen on';
      const hint = 'Is the loopback interface up (ip link set lo up)?';
      throw new PortreeveError('ENDPOINT_ABSENT', message, hint);
    }
  } catch (thrown) {
    closeEndpoints(host.sockets, opened);
    throw thrown;
  }
  return { endpoints, absent };
}

/** The guard refuses a port before Linux looks who has it, with an errno that Linux itself has, too. */
function refusedBy(guard: GuardAsked, spec: EndpointSpec, { reason }: OpenFailure) {
  const isRefusal = reason === 'denied' || reason === 'taken';
  return isRefusal && spec.netid !== 'local' ? guard(spec) : undefined;
}

function isSameEndpoint(a: EndpointSpec, b: EndpointSpec): boolean {
  return a.netid === b.netid && endpointText(a) === endpointText(b);
}

export function closeEndpoints(sockets: Sockets, endpoints: readonly OpenEndpoint[]): void {
  for (const endpoint of endpoints) sockets.close(endpoint);
}

function explainFailure(host: ListenHost, spec: EndpointSpec, failure: OpenFailure): PortreeveError {
  const what = spec.netid === 'local' ? spec.path : `${endpointText(spec)}/${netIdInfo(spec.netid).protocol}`;
  const data = { endpoint: what, errno: failure.errno };
  const isLocal = spec.netid === 'local';
  switch (failure.reason) {
    case 'taken': {
      const who = holdersText(holdersOf(host.sockets, spec));
      const hint = `Stop that, or choose another ${isLocal ? 'path with --local PATH' : 'port with --port N'}.`;
      return new PortreeveError('ENDPOINT_TAKEN', `${what} is taken by ${who}`, hint, data);
    }
    case 'denied': {
      const hint = spec.netid === 'local' ? LOCAL_DENIED : deniedHint(host, spec);
      return new PortreeveError(
        'ENDPOINT_DENIED',
        `${what} may not be opened by uid ${host.uid}`,
        hint,
        data,
      );
    }
    case 'absent': {
      const hint = 'The addresses of this host are listed by: ip address';
      return new PortreeveError('ENDPOINT_ABSENT', `this host has no address for ${what}`, hint, data);
    }
    case 'obstructed': {
      const hint = 'Remove it, or choose another path with --local PATH.';
      return new PortreeveError('ENDPOINT_TAKEN', `${what} is there and is no socket`, hint, data);
    }
    case 'other':
      return new PortreeveError('ENDPOINT_FAILED', `cannot open ${what}: ${failure.errno}`, '', data);
  }
}

const LOCAL_DENIED = 'Choose a path that you may write with --local PATH, or start it as root.';

/** Root needs nobody's leave, and from a setting on nobody does: then it is not Linux's rule about low ports. */
function deniedHint({ uid, files }: ListenHost, { netid, port }: IpEndpoint): string {
  const start = unprivilegedStart(files);
  if (port >= start) {
    const ask = `portreeve explain ${port}/${netIdInfo(netid).protocol}`;
    return `Linux lets everybody have ports from ${start} on: a guard or a security module refuses it. Ask: ${ask}`;
  }
  if (uid !== 0) return `Start it as root, or choose a port from ${start} on with --port N.`;
  return 'A container without CAP_NET_BIND_SERVICE, or a security module, keeps it from root.';
}

function holdersOf(sockets: Sockets, spec: EndpointSpec): ProcessInfo[] {
  if (spec.netid === 'local') return sockets.holders({ path: spec.path });
  const { protocol } = netIdInfo(spec.netid);
  return protocol === '' ? [] : sockets.holders({ protocol, port: spec.port });
}

/** Who it is: "rpcbind (pid 812)", several with commas. */
export function holdersText(processes: readonly ProcessInfo[]): string {
  if (processes.length === 0) return 'a process that cannot be seen from here';
  return processes.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
}

/** Where one transport is served. */
interface TransportEndpoints {
  readonly netid: NetId;
  readonly endpoints: readonly EndpointSpec[];
}

/** The endpoints of each transport, in the order in which rpcbind lists its own. */
export function byNetId(endpoints: readonly OpenEndpoint[]): TransportEndpoints[] {
  const order: readonly NetId[] = ['tcp6', 'udp6', 'tcp', 'udp', 'local'];
  return order.flatMap((netid) => {
    const specs = endpoints.map(({ spec }) => spec).filter((spec) => spec.netid === netid);
    return specs.length > 0 ? [{ netid, endpoints: specs }] : [];
  });
}
