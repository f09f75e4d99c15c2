// Selects the address of this host at which a caller can reach a service that listens on all addresses.
import {
  formatIp,
  type IpAddress,
  isLinkLocal,
  isLoopback,
  isWildcard,
  samePrefix,
} from '../../base/address.ts';
import { MERGE_CACHE_ENTRIES_MAX } from '../../base/limits.ts';
import type { InterfaceAddress, Peer } from '../../base/peer.ts';
import { parseUaddr, portSuffix } from '../../wire/uaddr.ts';
import type { Registration } from './registrations.ts';

/** A cache that is cleared when it is full. */
class BoundedCache<K, V> {
  readonly #map = new Map<K, V>();

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  set(key: K, value: V): void {
    if (this.#map.size >= MERGE_CACHE_ENTRIES_MAX) this.#map.clear();
    this.#map.set(key, value);
  }

  clear(): void {
    this.#map.clear();
  }
}

interface Answer {
  /** The family of a wildcard; 0 for an address that is returned as registered. */
  readonly family: 0 | 4 | 6;
  readonly suffix: string;
  /** The latest answer for a wildcard: the address of this host, and the universal address built from it. */
  host: string;
  uaddr: string;
}

function answerOf({ address, port }: Registration): Answer {
  const family = typeof address === 'string' || !isWildcard(address) ? 0 : address.family;
  return { family, suffix: portSuffix(port), host: '', uaddr: '' };
}

/**
 * Selects the address at which a caller reaches this host. A server registers "0.0.0.0.p.p" or "::.p.p". The caller
 * receives, in this order: the address that the request states as its destination (the hint), if it is one of this
 * host; else an address of this host in the network of the hint or of the caller; else the address that the request was
 * sent to.
 */
export class Reachability {
  #interfaces: readonly InterfaceAddress[] = [];
  /** By family: a hint of another family than the registration's is ignored. */
  readonly #byHint = { 4: new BoundedCache<string, string>(), 6: new BoundedCache<string, string>() };
  readonly #byCaller = new BoundedCache<number, string | undefined>();
  /** Most callers receive the same address: caches the latest answer for each registration. */
  readonly #answers = new WeakMap<Registration, Answer>();

  /** Sets the addresses of the host's interfaces and invalidates the caches. */
  update(interfaces: readonly InterfaceAddress[]): void {
    this.#interfaces = interfaces;
    this.#byHint[4].clear();
    this.#byHint[6].clear();
    this.#byCaller.clear();
  }

  /** Whether the address belongs to this host: loopback, or the address of an interface. */
  isOwn(address: IpAddress): boolean {
    return (
      isLoopback(address) ||
      this.#interfaces.some((own) => samePrefix(own.address, address, address.bytes.length * 8))
    );
  }

  /**
   * The universal address to return. A registration for one address is returned as registered, because its service
   * listens nowhere else; so is a wildcard if the hint is not an address of the registration's family.
   */
  uaddrFor(registration: Registration, peer: Peer, hint: string): string {
    let answer = this.#answers.get(registration);
    if (!answer) {
      answer = answerOf(registration);
      this.#answers.set(registration, answer);
    }
    if (answer.family === 0) return registration.uaddr;
    let host = hint === '' ? this.#byPeer(peer) : this.#byHintText(hint, peer, answer.family);
    if (host === undefined) return registration.uaddr;
    // For the port mapper itself, the caller has just reached the right address.
    if (registration.builtIn) host = this.#contacted(peer) ?? host;
    if (answer.host !== host) {
      answer.host = host;
      answer.uaddr = host + answer.suffix;
    }
    return answer.uaddr;
  }

  #byPeer(peer: Peer): string | undefined {
    if (peer.v4 === 0) {
      const address = peer.address();
      return address && (this.#near(address, peer.scopeId) ?? this.#contacted(peer));
    }
    let host = this.#byCaller.get(peer.v4);
    if (host === undefined) {
      const address = peer.address();
      host = address && this.#near(address, 0);
      if (host !== undefined) this.#byCaller.set(peer.v4, host);
    }
    return host ?? this.#contacted(peer);
  }

  #byHintText(hint: string, peer: Peer, family: 4 | 6): string | undefined {
    const known = this.#byHint[family].get(hint);
    if (known !== undefined) return known;
    const endpoint = parseUaddr(hint);
    if (endpoint?.address.family !== family) return undefined;
    const host = isWildcard(endpoint.address)
      ? this.#byPeer(peer)
      : this.#near(endpoint.address, peer.scopeId);
    if (host === undefined) return this.#contacted(peer);
    if (!isWildcard(endpoint.address) && !isLinkLocal(endpoint.address)) this.#byHint[family].set(hint, host);
    return host;
  }

  /** The interface address that equals `address`, else the first one in the same network. */
  #near(address: IpAddress, scopeId: number): string | undefined {
    const bits = address.bytes.length * 8;
    const candidates = this.#interfaces.filter((own) => own.up && own.address.family === address.family);
    const same = candidates.find((own) => samePrefix(own.address, address, bits));
    if (same) return formatIp(same.address);
    const linkLocal = isLinkLocal(address);
    const near = candidates.find(
      (own) => samePrefix(own.address, address, own.prefix) && (!linkLocal || own.interfaceIndex === scopeId),
    );
    return near && formatIp(near.address);
  }

  /** The address that the request was sent to. */
  #contacted(peer: Peer): string | undefined {
    const contacted = peer.localAddress();
    return contacted && !isWildcard(contacted) ? formatIp(contacted) : undefined;
  }
}
