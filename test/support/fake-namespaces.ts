// Fake network namespaces, and a fake BPF map in memory.
import { PortreeveError } from '../../src/base/errors.ts';
import type {
  KernelMap,
  NetworkNamespace,
  NetworkNamespaces,
  VisibleNamespaces,
} from '../../src/host/host.ts';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A hash map. */
export class FakeMap implements Pick<KernelMap, 'delete' | 'keys' | 'lookup' | 'update'> {
  readonly #values = new Map<string, Uint8Array>();

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(hexOf(key));
  }

  update(key: Uint8Array, value: Uint8Array): boolean {
    this.#values.set(hexOf(key), value);
    return true;
  }

  delete(key: Uint8Array): boolean {
    return this.#values.delete(hexOf(key));
  }

  keys(): Uint8Array[] {
    return [...this.#values.keys()].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));
  }
}

/** What leads to a namespace. */
type Leads = Partial<Omit<NetworkNamespace, 'cookie'>>;

/** A host with namespaces; some paths may be inaccessible. */
export class FakeNamespaces implements NetworkNamespaces {
  readonly there = new Map<bigint, Leads>();
  readonly closed = new Set<string>();
  isComplete = true;
  /** The namespace of this thread. */
  current = 1n;
  /** How often a path was queried. */
  queries = 0;
  /** How often all namespaces were listed. */
  lookups = 0;

  set(cookie: bigint, { paths = [], pid }: Leads): void {
    this.there.set(cookie, { paths, pid });
  }

  cookieAt(path: string): bigint | undefined {
    this.queries++;
    if (this.closed.has(path)) throw new PortreeveError('NAMESPACE_CLOSED', `${path} is closed`);
    return [...this.there].find(([, { paths = [] }]) => paths.includes(path))?.[0];
  }

  within<Result>(path: string, act: (cookie: bigint) => Result): Result | undefined {
    const cookie = this.cookieAt(path);
    if (cookie === undefined) return undefined;
    const before = this.current;
    this.current = cookie;
    try {
      return act(cookie);
    } finally {
      this.current = before;
    }
  }

  visible(): VisibleNamespaces {
    this.lookups++;
    const namespaces = [...this.there].map(([cookie, { paths = [], pid }]) => ({ cookie, paths, pid }));
    return { namespaces, isComplete: this.isComplete };
  }
}
