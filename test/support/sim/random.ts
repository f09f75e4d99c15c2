// Reproducible pseudorandom numbers: the same seed gives the same numbers.

/** A generator of 32-bit numbers (Marsaglia's xorshift32). */
export class SimRandom {
  #state: number;

  constructor(seed: number) {
    // The generator never leaves 0. The multiplier separates neighboring seeds.
    this.#state = Math.imul(seed, 0x9e3779b1) | 0 || 1;
  }

  /** An integer from 0 to `below` - 1. */
  integer(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % below;
  }
}
