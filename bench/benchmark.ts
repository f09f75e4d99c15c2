// The interface of a benchmark.

export interface Benchmark {
  /** One line that states what is compared. */
  readonly about: string;
  /** One line per option. */
  readonly options: readonly string[];
  /**
   * Measures, prints tables and records the results. Returns whether all limits were met.
   * Throws PortreeveError: `usage` for invalid options, `environment` if this machine lacks something.
   */
  run(args: readonly string[]): Promise<boolean>;
}
