// `portreeve serve`: hands its options to the daemon, which nothing else on the command line loads.
import type { Io } from './io.ts';

/** The options as they were written; the daemon says what is wrong with them. */
export interface ServeOptions {
  readonly config?: string;
  readonly state?: string;
  readonly runtime?: string;
  readonly listen: readonly string[];
  readonly port?: string;
  readonly local?: string;
  readonly fallback?: boolean;
  readonly takeOver?: boolean;
  readonly dryRun?: boolean;
}

export async function serveCommand(options: ServeOptions, io: Io): Promise<number> {
  const { serve } = await import('../daemon/serve.ts');
  return serve(options, io);
}
