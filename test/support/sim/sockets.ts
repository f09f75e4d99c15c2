// Sockets of a simulated host: addresses in use, and the errors of bind(2).
import { formatIp, type IpAddress, isLoopback, isWildcard } from '../../../src/base/address.ts';
import { netIdInfo } from '../../../src/base/netid.ts';
import type { Port, Protocol } from '../../../src/base/port.ts';
import type {
  EndpointSpec,
  OpenEndpoint,
  OpenFailure,
  ProcessInfo,
  Sockets,
} from '../../../src/host/host.ts';

/** The first unprivileged port (ip(7): ip_unprivileged_port_start). */
const UNPRIVILEGED_PORT_MIN = 1024;
/** 0, 1 and 2 are open. */
const FIRST_FD = 3;

export interface SimNetwork {
  /** The process that opens sockets here. */
  readonly self: ProcessInfo;
  /** Addresses other than loopback. */
  readonly addresses: readonly IpAddress[];
  readonly families: readonly (4 | 6)[];
  /** Directories in which users other than root can create a socket's file. */
  readonly writable: readonly string[];
}

interface Held {
  readonly spec: EndpointSpec;
  readonly holder: ProcessInfo;
  readonly fd: number;
}

const refusal = (errno: string, reason: OpenFailure['reason']): OpenFailure => ({ errno, reason });

/** Whether two endpoints conflict: same transport and port, and overlapping addresses. */
function clash(a: EndpointSpec, b: EndpointSpec): boolean {
  if (a.netid !== b.netid) return false;
  if (a.netid === 'local') return b.netid === 'local' && a.path === b.path;
  if (b.netid === 'local' || a.port !== b.port) return false;
  return isWildcard(a.address) || isWildcard(b.address) || formatIp(a.address) === formatIp(b.address);
}

/** The sockets of this and other processes, with the rules of Linux. */
export class SimSockets implements Sockets {
  readonly #network: SimNetwork;
  readonly #held = new Set<Held>();
  readonly #failures: { readonly spec: EndpointSpec; readonly failure: OpenFailure }[] = [];
  #nextFd = FIRST_FD;

  constructor(network: SimNetwork) {
    this.#network = network;
  }

  /** Opens a socket as another process. */
  occupy(spec: EndpointSpec, holder: ProcessInfo): { release(): void } {
    const held = { spec, holder, fd: -1 };
    this.#held.add(held);
    return { release: () => void this.#held.delete(held) };
  }

  /** Makes opening this endpoint fail: out of descriptors, out of memory. */
  fail(spec: EndpointSpec, errno: string, reason: OpenFailure['reason'] = 'other'): void {
    this.#failures.push({ spec, failure: refusal(errno, reason) });
  }

  /** Our open sockets, in the order of opening. */
  get opened(): OpenEndpoint[] {
    return [...this.#held].filter(({ fd }) => fd >= 0).map(({ spec, fd }) => ({ spec, fd, file: undefined }));
  }

  open(spec: EndpointSpec): OpenEndpoint | OpenFailure {
    const forced = this.#failures.find((failing) => clash(failing.spec, spec));
    const failure =
      forced?.failure ?? (spec.netid === 'local' ? this.#refuseLocal(spec.path) : this.#refuseIp(spec));
    if (failure) return failure;
    if ([...this.#held].some((held) => clash(held.spec, spec))) return refusal('EADDRINUSE', 'taken');
    const fd = this.#nextFd++;
    this.#held.add({ spec, fd, holder: this.#network.self });
    return { spec, fd, file: undefined };
  }

  /** The order of checks in bind(2): first the address, then the port. */
  #refuseIp(spec: Exclude<EndpointSpec, { netid: 'local' }>): OpenFailure | undefined {
    const { families, addresses, self } = this.#network;
    const { address, port } = spec;
    if (!families.includes(address.family)) return refusal('EAFNOSUPPORT', 'absent');
    const own = addresses.some((one) => formatIp(one) === formatIp(address));
    if (!own && !isWildcard(address) && !isLoopback(address)) return refusal('EADDRNOTAVAIL', 'absent');
    return port < UNPRIVILEGED_PORT_MIN && self.uid !== 0 ? refusal('EACCES', 'denied') : undefined;
  }

  /** An abstract name is not in a directory. */
  #refuseLocal(path: string): OpenFailure | undefined {
    const { self, writable } = this.#network;
    if (path.startsWith('@') || self.uid === 0) return undefined;
    return writable.some((directory) => path.startsWith(`${directory}/`))
      ? undefined
      : refusal('EACCES', 'denied');
  }

  close(endpoint: OpenEndpoint): void {
    for (const held of this.#held) if (held.fd === endpoint.fd) this.#held.delete(held);
  }

  holders(what: { protocol: Protocol; port: Port } | { path: string }): ProcessInfo[] {
    const found = [...this.#held].filter(({ spec }) => {
      if (spec.netid === 'local') return 'path' in what && spec.path === what.path;
      return 'port' in what && spec.port === what.port && netIdInfo(spec.netid).protocol === what.protocol;
    });
    return [...new Set(found.map(({ holder }) => holder))];
  }
}
