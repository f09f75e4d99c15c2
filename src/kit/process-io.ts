// The Io of this process: its streams, environment, and user.
import { EXIT_CODES } from '../base/errors.ts';
import { LOG_WAITING_MAX_BYTES } from '../base/limits.ts';
import { systemClock } from '../host/linux/linux-clock.ts';
import type { Io } from './io.ts';
import type { Section } from './settings.ts';

/** `sections` loads the schemas of portreeve.toml. */
export function processIo(sections: () => Promise<readonly Section[]>): Io {
  const { stdout } = process;
  const unread = new AbortController();
  // A reader that closes the pipe early, such as head(1), is not an error: the command ends as if all were read.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      unread.abort();
      return;
    }
    process.stderr.write(`portreeve: cannot write: ${error.message}\n`);
    process.exit(EXIT_CODES.environment);
  });
  const user = { env: process.env, uid: process.getuid?.() ?? -1 };
  return {
    ...user,
    clock: systemClock,
    out: (text) => void stdout.write(text),
    err: boundedWriter(),
    columns: stdout.isTTY ? stdout.columns : undefined,
    readSettings: async (named) => {
      const { readSettings } = await import('./settings.ts');
      return await readSettings(named, user, await sections());
    },
    unread: unread.signal,
  };
}

/**
 * Writes to standard error, which is opened by the first write. Drops and counts lines while more than
 * LOG_WAITING_MAX_BYTES are waiting to be read.
 */
function boundedWriter(): (text: string) => void {
  let stream: NodeJS.WriteStream | undefined;
  let dropped = 0;
  return (text) => {
    stream ??= process.stderr.on('error', () => {});
    if (stream.writableLength > LOG_WAITING_MAX_BYTES) {
      dropped++;
      return;
    }
    if (dropped > 0)
      stream.write(`portreeve: dropped ${dropped} lines because standard error was not read\n`);
    dropped = 0;
    stream.write(text);
  };
}
