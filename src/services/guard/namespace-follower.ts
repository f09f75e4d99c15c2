// Follows the network namespaces that portreeve.toml names: the policy holds in them as soon as they are there.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { NetworkNamespaces } from '../../host/host.ts';
import { type GuardedNamespaces, keepNamespaces } from './namespaces.ts';

/** They are looked for every so many ticks. */
const TICKS_PER_LOOK = 4;

/** What it follows, and whom it tells. */
export interface NamespaceFollowerParts {
  readonly namespaces: NetworkNamespaces;
  /** The guard in the kernel; undefined while there is none. */
  readonly kernel: () => { readonly namespaces: GuardedNamespaces } | undefined;
  /** The files of those that are named. */
  readonly wanted: () => readonly string[];
  /** Is told, once, in which the policy does not hold. */
  readonly warn: (message: string) => void;
}

/** To be called every JOB_TICK_MS. */
export class NamespaceFollower {
  readonly #parts: NamespaceFollowerParts;
  #ticks = 0;
  /** What the names led to when the kernel was told last, and which kernel. */
  #told: { readonly kernel: object; readonly places: string } | undefined;
  #warnings: readonly string[] = [];

  constructor(parts: NamespaceFollowerParts) {
    this.#parts = parts;
  }

  tick(): void {
    if (this.#ticks++ % TICKS_PER_LOOK !== 0) return;
    try {
      this.#tell(this.#look());
    } catch (thrown) {
      this.#tell([`the network namespaces cannot be followed: ${messageOf(thrown)}`]);
    }
  }

  /** What is to be warned of now. */
  #look(): readonly string[] {
    const { namespaces, kernel: kernelNow, wanted: named } = this.#parts;
    const wanted = named();
    const kernel = kernelNow();
    // Where none were ever named there is nothing that could be ours to take away.
    if (!kernel || (wanted.length === 0 && !this.#told)) return [];
    const places = wanted.map((path) => `${path} ${this.#placeOf(path)}`).join('\n');
    if (this.#told?.kernel === kernel && this.#told.places === places) return this.#warnings;
    this.#told = { kernel, places };
    return keepNamespaces(kernel.namespaces, namespaces, wanted).map(({ message }) => message);
  }

  #tell(warnings: readonly string[]): void {
    for (const message of warnings) if (!this.#warnings.includes(message)) this.#parts.warn(message);
    this.#warnings = warnings;
  }

  #placeOf(path: string): string {
    try {
      return `${this.#parts.namespaces.cookieAt(path)}`;
    } catch (thrown) {
      if (thrown instanceof PortreeveError) return thrown.code;
      throw thrown;
    }
  }
}
