// Time as a thing that is handed in, so that a test can move it.

export interface Timer {
  cancel(): void;
}

/** The time, and a way to be called later. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
  /** Milliseconds since some moment; never goes back. */
  monotonic(): number;
  /** Calls `then` once, `delayMs` milliseconds from now. */
  after(delayMs: number, then: () => void): Timer;
}
