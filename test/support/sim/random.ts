// Numbers that look random and are the same for the same seed, so that what a seed found can be seen again.

/** A generator of 32-bit numbers (Marsaglia's xorshift32). */
export class SimRandom {
  #state: number;

  constructor(seed: number) {
    // The generator has no way out of 0; the multiplier spreads neighbouring seeds apart.
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
