/** What a benchmark is to bench/run.ts. */

export interface Benchmark {
  /** One line that says what is compared with what. */
  readonly about: string;
  /** Its options, a line each. */
  readonly options: readonly string[];
  /**
   * Measures, prints its table and records its results; gives whether every floor was reached.
   * Throws PortreeveError: `usage` for options that cannot be, `world` for what this machine lacks.
   */
  run(args: readonly string[]): Promise<boolean>;
}
