// Follows the network namespaces that portreeve.toml names, so that the guard covers them as soon as they exist.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { NetworkNamespaces } from '../../host/host.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { type GuardedNamespaces, keepNamespaces, type Prepare } from './kernel/namespaces.ts';

/** The namespaces are looked up every this many ticks. */
const TICKS_PER_POLL = 4;
/** A warning is repeated only if it was absent for this many checks: other users may be able to cause it at will. */
const CHECKS_PER_WARNING = 60;

interface GuardOfNamespaces {
  readonly namespaces: GuardedNamespaces;
  /** Calls `act` while it holds the guard's lock. */
  locked<Result>(act: () => Result): Result;
}

/** Excludes reserved ports from automatic assignment in the namespaces. */
export interface AssignedPart {
  /** Called before the guard covers a namespace. */
  readonly prepare: Prepare;
  /** Puts back what another program removed. Returns what to report. */
  check(): readonly PortSettingNote[];
}

interface NamespaceFollowerDeps {
  readonly namespaces: NetworkNamespaces;
  /** The guard in the kernel; undefined while there is none. */
  readonly kernel: () => GuardOfNamespaces | undefined;
  readonly assigned: AssignedPart;
  /** The paths of the namespaces that portreeve.toml names. */
  readonly wanted: () => readonly string[];
  /** Receives, once each, the warnings about namespaces that are not covered. */
  readonly warn: (message: string) => void;
}

/** To be called every JOB_TICK_MS. */
export class NamespaceFollower {
  readonly #deps: NamespaceFollowerDeps;
  #ticks = 0;
  /** What the names led to when the kernel was last updated, and which kernel object that was. */
  #followed: { readonly kernel: object; readonly places: string } | undefined;
  #warnings: readonly string[] = [];
  #ofNamespaces: readonly string[] = [];
  /** For how many more checks each warning is suppressed. */
  readonly #quiet = new Map<string, number>();

  constructor(deps: NamespaceFollowerDeps) {
    this.#deps = deps;
  }

  /** The warnings that apply now. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  tick(): void {
    if (this.#ticks++ % TICKS_PER_POLL !== 0) return;
    try {
      this.#warn(this.#check());
    } catch (thrown) {
      this.#warn([`could not follow the network namespaces: ${messageOf(thrown)}`]);
    }
  }

  /** Returns the warnings that apply now. */
  #check(): readonly string[] {
    const kernel = this.#deps.kernel();
    if (!kernel) return [];
    this.#follow(kernel);
    const notes = kernel.locked(() => this.#deps.assigned.check());
    const severe = notes.filter(({ severity }) => severity === 'warning');
    return [...this.#ofNamespaces, ...severe.map(({ message }) => message)];
  }

  #follow(kernel: GuardOfNamespaces): void {
    const { namespaces, assigned, wanted: named } = this.#deps;
    const wanted = named();
    // If none were ever named, there is nothing to remove.
    if (wanted.length === 0 && !this.#followed) return;
    const places = wanted.map((path) => `${path} ${this.#placeOf(path)}`).join('\n');
    if (this.#followed?.kernel === kernel && this.#followed.places === places) return;
    this.#followed = { kernel, places };
    // A failed write is also found by check(), which keeps reporting it.
    const prepare: Prepare = (cookie, path) => {
      assigned.prepare(cookie, path);
      return [];
    };
    const notes = kernel.locked(() => keepNamespaces(kernel.namespaces, namespaces, wanted, prepare));
    this.#ofNamespaces = notes.map(({ message }) => message);
  }

  #warn(warnings: readonly string[]): void {
    for (const [message, checks] of this.#quiet) {
      if (checks > 1) this.#quiet.set(message, checks - 1);
      else this.#quiet.delete(message);
    }
    for (const message of warnings) {
      if (!this.#quiet.has(message)) this.#deps.warn(message);
      this.#quiet.set(message, CHECKS_PER_WARNING);
    }
    this.#warnings = warnings;
  }

  #placeOf(path: string): string {
    try {
      return `${this.#deps.namespaces.cookieAt(path)}`;
    } catch (thrown) {
      if (thrown instanceof PortreeveError) return thrown.code;
      throw thrown;
    }
  }
}
