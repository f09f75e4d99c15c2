// By which address of this host a caller reaches a service that listens on all of them.
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

/** A map that is emptied when it is full: what it forgets is found again. */
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

/** What is answered for a registration. */
interface Answer {
  /** The family of a wildcard; 0 for an address that is answered as it was registered. */
  readonly family: 0 | 4 | 6;
  readonly suffix: string;
  /** The latest answer for a wildcard: the address of ours, and the whole. */
  host: string;
  uaddr: string;
}

function answerOf({ address, port }: Registration): Answer {
  const family = typeof address === 'string' || !isWildcard(address) ? 0 : address.family;
  return { family, suffix: portSuffix(port), host: '', uaddr: '' };
}

/**
 * Finds the address by which a caller reaches this host. A server registers "0.0.0.0.p.p" or "::.p.p"; the caller
 * is told, in this order: the address that he says he contacted (the hint), if it is ours; else our address in the
 * network of the hint or of the caller himself; else the address of ours that his request was sent to.
 */
export class Reachability {
  #interfaces: readonly InterfaceAddress[] = [];
  /** A hint of the other family than the registration's means nothing, and is not found here. */
  readonly #byHint = { 4: new BoundedCache<string, string>(), 6: new BoundedCache<string, string>() };
  readonly #byCaller = new BoundedCache<number, string | undefined>();
  /** Most callers of a host are told the same address: the latest answer is kept for each registration. */
  readonly #answers = new WeakMap<Registration, Answer>();

  /** Takes the addresses of the host's interfaces; what was found by the old ones is forgotten. */
  update(interfaces: readonly InterfaceAddress[]): void {
    this.#interfaces = interfaces;
    this.#byHint[4].clear();
    this.#byHint[6].clear();
    this.#byCaller.clear();
  }

  /** Whether the address is this host's own: loopback, or that of an interface. */
  isOwn(address: IpAddress): boolean {
    return (
      isLoopback(address) ||
      this.#interfaces.some((own) => samePrefix(own.address, address, address.bytes.length * 8))
    );
  }

  /**
   * The universal address to answer with. A registration for one address is answered as it stands, because its
   * service listens nowhere else; so is a wildcard when the hint is no address of the registration's family.
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
    // Where it listens itself, the mapper need not guess: the caller has just reached it.
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

  /** Our address that equals the one given, or else the first that is in one network with it. */
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

  /** The address that the request was sent to: that the caller reaches it, he has just shown. */
  #contacted(peer: Peer): string | undefined {
    const contacted = peer.localAddress();
    return contacted && !isWildcard(contacted) ? formatIp(contacted) : undefined;
  }
}
