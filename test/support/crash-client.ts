/** A client that registers and unregisters without a pause, and records the acknowledged state of each entry. */

import { RpcError } from '../../src/portmap/client/errors.ts';
import { type NewEntry, Portmap, type PortmapTarget } from '../../src/portmap/client/portmap.ts';
import type { SimRandom } from './sim/random.ts';

/** The state of an entry; `unknown` while a change has been sent and not answered. */
export type Fate = 'set' | 'unset' | 'unknown';

/** More than a restart takes. */
const TIMEOUT_MS = 3000;

/** A client with entries that no other client changes. */
export class CrashClient {
  readonly fates = new Map<NewEntry, Fate>();
  readonly #portmap: Portmap;
  readonly #entries: readonly NewEntry[];
  readonly #random: SimRandom;
  readonly #onAnswer: () => void;
  #running: Promise<void> = Promise.resolve();
  #isPaused = true;

  constructor(target: PortmapTarget, entries: readonly NewEntry[], random: SimRandom, onAnswer: () => void) {
    this.#portmap = new Portmap(target, { timeoutMs: TIMEOUT_MS });
    this.#entries = entries;
    this.#random = random;
    this.#onAnswer = onAnswer;
    for (const entry of entries) this.fates.set(entry, 'unset');
  }

  /** Opens the socket that it uses from then on. */
  reach(): Promise<void> {
    return this.#portmap.ping();
  }

  /** Runs until pause(). */
  start(): void {
    this.#isPaused = false;
    this.#running = this.#run();
  }

  /** Sends no further changes; the outstanding one may still be answered, until settled(). */
  pause(): void {
    this.#isPaused = true;
  }

  /** Resolves when no change is outstanding. */
  settled(): Promise<void> {
    return this.#running;
  }

  close(): Promise<void> {
    return this.#portmap.close();
  }

  async #run(): Promise<void> {
    while (!this.#isPaused) {
      const entry = this.#entries[this.#random.integer(this.#entries.length)];
      if (entry) await this.#change(entry);
    }
  }

  async #change(entry: NewEntry): Promise<void> {
    const before = this.fates.get(entry);
    const wanted = before === 'set' ? 'unset' : 'set';
    this.fates.set(entry, 'unknown');
    try {
      const done = await (wanted === 'set' ? this.#portmap.set(entry) : this.#portmap.unset(entry));
      // None of these changes may be refused.
      if (!done) throw new Error(`${wanted} of program ${entry.program} was refused`);
      this.fates.set(entry, wanted);
      this.#onAnswer();
    } catch (thrown) {
      // Without an answer the state stays unknown.
      if (!(thrown instanceof RpcError)) throw thrown;
    }
  }
}
