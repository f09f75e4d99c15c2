/** A client that registers and unregisters without a pause, and knows of each entry what it was told became of it. */

import { RpcError } from '../../src/portmap/client/errors.ts';
import { type NewEntry, Portmap, type PortmapTarget } from '../../src/portmap/client/portmap.ts';
import type { SimRandom } from './sim/random.ts';

/** What is known of an entry; `unknown` while a change was sent that nobody has answered. */
export type Fate = 'set' | 'unset' | 'unknown';

/** More than a restart takes. */
const TIMEOUT_MS = 3000;

/** One client with entries of its own, which nobody else changes. */
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

  /** Goes on until pause(). */
  start(): void {
    this.#isPaused = false;
    this.#running = this.#run();
  }

  /** Sends nothing more; the change that is on its way may still be answered, until settled(). */
  pause(): void {
    this.#isPaused = true;
  }

  /** Resolves when nothing is on its way. */
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
      // Nothing speaks against any of these changes.
      if (!done) throw new Error(`${wanted} of program ${entry.program} was refused`);
      this.fates.set(entry, wanted);
      this.#onAnswer();
    } catch (thrown) {
      // Without an answer it stays unknown.
      if (!(thrown instanceof RpcError)) throw thrown;
    }
  }
}
