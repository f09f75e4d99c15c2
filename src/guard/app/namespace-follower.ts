// Follows the network namespaces that portreeve.toml names: the policy holds in them as soon as they are there.
import { messageOf, PortreeveError } from '../../base/errors.ts';
import type { NetworkNamespaces } from '../../host/host.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { type GuardedNamespaces, keepNamespaces, type Prepare } from './kernel/namespaces.ts';

/** They are looked for every so many ticks. */
const TICKS_PER_POLL = 4;
/** A warning that went and comes again is given again after so many looks: others may bring it about at will. */
const CHECKS_PER_WARNING = 60;

/** The guard in the kernel, as far as its namespaces go. */
interface GuardOfNamespaces {
  readonly namespaces: GuardedNamespaces;
  /** Acts while nobody else changes it. */
  meanwhile<Result>(act: () => Result): Result;
}

/** What keeps reserved ports out of automatic assignment in them. */
export interface AssignedPart {
  /** Called before the policy holds in one more. */
  readonly prepare: Prepare;
  /** Puts back what somebody took away; gives what is to be reported. */
  check(): readonly PortSettingNote[];
}

/** What it follows, and whom it tells. */
interface NamespaceFollowerDeps {
  readonly namespaces: NetworkNamespaces;
  /** The guard in the kernel; undefined while there is none. */
  readonly kernel: () => GuardOfNamespaces | undefined;
  readonly assigned: AssignedPart;
  /** The files of those that are named. */
  readonly wanted: () => readonly string[];
  /** Is told, once, in which the policy does not hold. */
  readonly warn: (message: string) => void;
}

/** To be called every JOB_TICK_MS. */
export class NamespaceFollower {
  readonly #deps: NamespaceFollowerDeps;
  #ticks = 0;
  /** What the names led to when the kernel was told last, and which kernel. */
  #followed: { readonly kernel: object; readonly places: string } | undefined;
  #warnings: readonly string[] = [];
  #ofNamespaces: readonly string[] = [];
  /** For how many looks a warning is not given again. */
  readonly #quiet = new Map<string, number>();

  constructor(deps: NamespaceFollowerDeps) {
    this.#deps = deps;
  }

  /** What does not hold now. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  tick(): void {
    if (this.#ticks++ % TICKS_PER_POLL !== 0) return;
    try {
      this.#warn(this.#look());
    } catch (thrown) {
      this.#warn([`the network namespaces cannot be followed: ${messageOf(thrown)}`]);
    }
  }

  /** What is to be warned of now. */
  #look(): readonly string[] {
    const kernel = this.#deps.kernel();
    if (!kernel) return [];
    this.#follow(kernel);
    const notes = kernel.meanwhile(() => this.#deps.assigned.check());
    const severe = notes.filter(({ severity }) => severity === 'warning');
    return [...this.#ofNamespaces, ...severe.map(({ message }) => message)];
  }

  #follow(kernel: GuardOfNamespaces): void {
    const { namespaces, assigned, wanted: named } = this.#deps;
    const wanted = named();
    // Where none were ever named there is nothing that could be ours to take away.
    if (wanted.length === 0 && !this.#followed) return;
    const places = wanted.map((path) => `${path} ${this.#placeOf(path)}`).join('\n');
    if (this.#followed?.kernel === kernel && this.#followed.places === places) return;
    this.#followed = { kernel, places };
    // What cannot be written is found by the check as well, which goes on reporting it.
    const prepare: Prepare = (cookie, path) => {
      assigned.prepare(cookie, path);
      return [];
    };
    const notes = kernel.meanwhile(() => keepNamespaces(kernel.namespaces, namespaces, wanted, prepare));
    this.#ofNamespaces = notes.map(({ message }) => message);
  }

  #warn(warnings: readonly string[]): void {
    for (const [message, looks] of this.#quiet) {
      if (looks > 1) this.#quiet.set(message, looks - 1);
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
