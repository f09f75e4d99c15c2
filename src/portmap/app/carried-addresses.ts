// The addresses that another port mapper answers on, made into those that ours listens on in its place.
import { formatIp, hostPortText, type IpAddress, isLoopback, parseIp } from '../../base/address.ts';
import type { OpenSocket } from '../../base/open-socket.ts';
import { PORTMAP_PORT, type Protocol } from '../../base/port.ts';
import { whyNotListen } from '../../kit/listenable.ts';
import { isCovered } from './listen.ts';

/** A socket of the port mapper that ours does not open, and why. */
export interface AddressLeft {
  /** "192.0.2.1:111/tcp" */
  readonly endpoint: string;
  readonly why: string;
}

/** What is listened on besides loopback, and what is not. */
export interface CarriedAddresses {
  readonly listen: readonly IpAddress[];
  readonly left: readonly AddressLeft[];
}

type Bound = Pick<OpenSocket, 'protocol' | 'local' | 'v6Only'>;

/**
 * Ours listens over TCP and UDP on each address, so an address is carried over if the other one answers both there:
 * nothing is opened to the network that was closed. rpcbind -h bounds UDP alone, and what it names is what is carried.
 * `hostAddresses`: those of the interfaces, since one that is gone cannot be listened on.
 */
export function carriedAddresses(
  sockets: readonly Bound[],
  hostAddresses: readonly string[],
): CarriedAddresses {
  const bound = sockets.flatMap(addressesOf).filter(({ address }) => !isLoopback(address));
  const servedBy = (protocol: Protocol, address: IpAddress) =>
    bound.some((other) => other.protocol === protocol && isCovered(address, other.address));
  const listen: IpAddress[] = [];
  const left: AddressLeft[] = [];
  for (const { protocol, address } of bound) {
    const isKnown = listen.some((other) => formatIp(other) === formatIp(address));
    const other = protocol === 'tcp' ? 'udp' : 'tcp';
    const why = servedBy(other, address) ? unlistenable(address, hostAddresses) : `it has no ${other} there`;
    if (why !== undefined) left.push({ endpoint: endpointOf(protocol, address), why });
    else if (!isKnown) listen.push(address);
  }
  const widest = listen.filter((address) => {
    return !listen.some((other) => other !== address && isCovered(address, other));
  });
  return { listen: widest, left: left.filter(({ endpoint }, at) => isFirst(left, endpoint, at)) };
}

function isFirst(left: readonly AddressLeft[], endpoint: string, at: number): boolean {
  return left.findIndex((other) => other.endpoint === endpoint) === at;
}

/** A socket on :: takes IPv4 as well, unless it was told not to. */
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
