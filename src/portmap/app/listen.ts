// Plans the sockets of portmap, and opens all of them or none; an error names the process that holds a port.
import { formatIp, hostPortText, type IpAddress, isWildcard } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import { type NetId, netIdInfo } from '../../base/netid.ts';
import type { Port } from '../../base/port.ts';
import type { EndpointSpec, Host, OpenEndpoint, OpenFailure, ProcessInfo, Sockets } from '../../host/host.ts';
import { unprivilegedStart } from '../../names/app/kernel-ports.ts';

export interface ListenRequest {
  /** The requested addresses. Loopback is always added. */
  readonly addresses: readonly IpAddress[];
  readonly port: Port;
  /** The path of the Unix socket; the abstract socket is "@" and the same path. */
  readonly localPath: string;
}

/** A socket to open. Loopback that was not requested is optional: a host may have no IPv4 or no IPv6. */
interface PlannedEndpoint {
  readonly spec: EndpointSpec;
  readonly isRequired: boolean;
}

/** The error if the guard refuses to bind this endpoint; undefined if it permits it. */
export type GuardCheck = (spec: IpEndpoint) => PortreeveError | undefined;

export type IpEndpoint = Exclude<EndpointSpec, { readonly netid: 'local' }>;

type ListenHost = Pick<Host, 'files' | 'sockets' | 'uid'>;

/** The open endpoints, and the optional ones whose address this host does not have. */
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
 * The sockets for a request: TCP and UDP on each address that no other address covers, on loopback unless it is
 * covered, and the Unix sockets.
 */
export function planEndpoints(request: ListenRequest): PlannedEndpoint[] {
  const uncovered = request.addresses.filter((address, i, all) => {
    return !all.some((other, j) => isCovered(address, other) && (j < i || !isCovered(other, address)));
  });
  const requested = uncovered.map((address) => ({ address, isRequired: true }));
  const missing = [LOOPBACK_V4, LOOPBACK_V6].filter((loopback) => {
    return !request.addresses.some((address) => isCovered(loopback, address));
  });
  const addresses = [...requested, ...missing.map((address) => ({ address, isRequired: false }))];
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

/** Whether a socket on `by` receives what is sent to `address`. */
export function isCovered(address: IpAddress, by: IpAddress): boolean {
  return address.family === by.family && (isWildcard(by) || formatIp(address) === formatIp(by));
}

/** An endpoint as text: "127.0.0.1:111", "[::1]:111", or the path. */
export function endpointText(spec: EndpointSpec): string {
  if (spec.netid === 'local') return spec.path;
  return hostPortText(formatIp(spec.address), spec.port);
}

/**
 * Opens all planned sockets or none, and keeps those of `open`. Throws PortreeveError (environment) `ENDPOINT_TAKEN`,
 * `ENDPOINT_DENIED`, `ENDPOINT_ABSENT` or `ENDPOINT_FAILED`, or the error of `guard`.
 */
export function openEndpoints(
  host: ListenHost,
  plan: readonly PlannedEndpoint[],
  open: readonly OpenEndpoint[] = [],
  guard: GuardCheck = () => undefined,
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

/** The guard is checked before the kernel's own rules, and its errno is one that the kernel uses, too. */
function refusedBy(guard: GuardCheck, spec: EndpointSpec, { reason }: OpenFailure) {
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
      const hint = `Stop it, or choose another ${isLocal ? 'path with --local PATH' : 'port with --port N'}.`;
      return new PortreeveError('ENDPOINT_TAKEN', `${what} is in use by ${who}`, hint, data);
    }
    case 'denied': {
      const hint = spec.netid === 'local' ? LOCAL_DENIED : deniedHint(host, spec);
      return new PortreeveError(
        'ENDPOINT_DENIED',
        `permission denied: uid ${host.uid} may not open ${what}`,
        hint,
        data,
      );
    }
    case 'absent': {
      const hint = 'List the addresses of this host with: ip address';
      return new PortreeveError(
        'ENDPOINT_ABSENT',
        `this host does not have the address of ${what}`,
        hint,
        data,
      );
    }
    case 'obstructed': {
      const hint = 'Remove it, or choose another path with --local PATH.';
      return new PortreeveError('ENDPOINT_TAKEN', `${what} exists and is not a socket`, hint, data);
    }
    case 'other':
      return new PortreeveError('ENDPOINT_FAILED', `cannot open ${what}: ${failure.errno}`, '', data);
  }
}

const LOCAL_DENIED = 'Choose a path that you may write to with --local PATH, or start it as root.';

/** The privileged port rule applies only to other users than root, and only below ip_unprivileged_port_start. */
function deniedHint({ uid, files }: ListenHost, { netid, port }: IpEndpoint): string {
  const start = unprivilegedStart(files);
  if (port >= start) {
    const command = `portreeve explain ${port}/${netIdInfo(netid).protocol}`;
    return `Port ${port} is not privileged: a guard or a security module denies it. To find out: ${command}`;
  }
  if (uid !== 0) return `Start it as root, or choose port ${start} or above with --port N.`;
  return 'The container lacks CAP_NET_BIND_SERVICE, or a security module denies it.';
}

function holdersOf(sockets: Sockets, spec: EndpointSpec): ProcessInfo[] {
  if (spec.netid === 'local') return sockets.holders({ path: spec.path });
  const { protocol } = netIdInfo(spec.netid);
  return protocol === '' ? [] : sockets.holders({ protocol, port: spec.port });
}

/** The processes as text: "rpcbind (pid 812)", separated by commas. */
export function holdersText(processes: readonly ProcessInfo[]): string {
  if (processes.length === 0) return 'a process that is not visible from here';
  return processes.map(({ name, pid }) => `${name} (pid ${pid})`).join(', ');
}

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
