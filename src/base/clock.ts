// The interface to time. Code receives a Clock as a dependency, so that a test can control it.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Milliseconds since an arbitrary time. Never decreases. */
  monotonic(): number;
  /** Calls `then` once, `delayMs` milliseconds from now. */
  after(delayMs: number, then: () => void): Timer;
}
