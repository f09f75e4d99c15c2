// Derives from the sockets of the rpcbind that is replaced the addresses to listen on.
import { formatIp, hostPortText, type IpAddress, isLoopback, parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import { PORTMAP_PORT, type Protocol } from '../../base/port.ts';
import { whyNotListen } from '../../kit/listenable.ts';
import { isCovered } from './listen.ts';

/** A socket of rpcbind that is not carried over. */
export interface SkippedAddress {
  /** "192.0.2.1:111/tcp" */
  readonly endpoint: string;
  readonly why: string;
}

/** The addresses to listen on in addition to loopback, and those that are not carried over. */
export interface CarriedAddresses {
  readonly listen: readonly IpAddress[];
  readonly skipped: readonly SkippedAddress[];
}

type Bound = Pick<OpenSocket, 'protocol' | 'local' | 'v6Only'>;

/**
 * portreeve listens over TCP and UDP on each address. An address is carried over only if rpcbind serves both on it, so
 * that nothing is exposed that was not before: `rpcbind -h` restricts UDP only. `hostAddresses`: the addresses of the
 * interfaces, because an address that was removed cannot be bound.
 */
export function carriedAddresses(
  sockets: readonly Bound[],
  hostAddresses: readonly string[],
): CarriedAddresses {
  const bound = sockets.flatMap(addressesOf).filter(({ address }) => !isLoopback(address));
  const servedBy = (protocol: Protocol, address: IpAddress) =>
    bound.some((other) => other.protocol === protocol && isCovered(address, other.address));
  const listen: IpAddress[] = [];
  const skipped: SkippedAddress[] = [];
  for (const { protocol, address } of bound) {
    const isKnown = listen.some((other) => formatIp(other) === formatIp(address));
    const other = protocol === 'tcp' ? 'udp' : 'tcp';
    const why = servedBy(other, address)
      ? unlistenable(address, hostAddresses)
      : `it has no ${other} socket there`;
    if (why !== undefined) skipped.push({ endpoint: endpointOf(protocol, address), why });
    else if (!isKnown) listen.push(address);
  }
  const widest = listen.filter((address) => {
    return !listen.some((other) => other !== address && isCovered(address, other));
  });
  return { listen: widest, skipped: skipped.filter(({ endpoint }, at) => isFirst(skipped, endpoint, at)) };
}

function isFirst(skipped: readonly SkippedAddress[], endpoint: string, at: number): boolean {
  return skipped.findIndex((other) => other.endpoint === endpoint) === at;
}

/** A socket on :: accepts IPv4 as well, unless IPV6_V6ONLY is set. */
function addressesOf({ protocol, local: { address }, v6Only }: Bound) {
  const isBoth = formatIp(address) === '::' && !v6Only;
  const all = isBoth ? [address, parseIp('0.0.0.0')] : [address];
  return all.flatMap((each) => (each ? [{ protocol, address: each }] : []));
}

function unlistenable(address: IpAddress, hostAddresses: readonly string[]): string | undefined {
  const text = formatIp(address);
  const isThere = address.bytes.every((byte) => byte === 0) || hostAddresses.includes(text);
  return isThere ? whyNotListen(address) : 'no interface that is up has this address';
}

function endpointOf(protocol: Protocol, address: IpAddress): string {
  return `${hostPortText(formatIp(address), PORTMAP_PORT)}/${protocol}`;
}
