// `portreeve serve`: hands its options to the daemon, which nothing else on the command line loads.
import type { Io } from '../kit/io.ts';
import type { ServeOptions } from './serve.ts';

/** How long what was written last may wait for its reader. */
const LAST_WORDS_MS = 300;

/** The daemon reports what is wrong with the options. */
export async function serveCommand(options: ServeOptions, io: Io): Promise<number> {
  const { serve } = await import('./serve.ts');
  const code = await serve(options, io);
  // Whoever does not read the last lines of the log in that time must not keep a daemon that has ended from ending.
  setTimeout(() => process.exit(code), LAST_WORDS_MS).unref();
  return code;
}
