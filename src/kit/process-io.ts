// The Io of a process: its streams, its environment, its user.
import { EXIT_CODES } from '../base/errors.ts';
import { LOG_WAITING_MAX_BYTES } from '../base/limits.ts';
import { systemClock } from '../host/linux/linux-clock.ts';
import type { Io } from './io.ts';
import type { Section } from './settings.ts';

/** `sections`: loads what portreeve.toml may contain. */
export function processIo(sections: () => Promise<readonly Section[]>): Io {
  const { stdout, stderr } = process;
  const unread = new AbortController();
  // A reader who has seen enough, such as head(1), is no trouble: the command ends as if he had read on.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      unread.abort();
      return;
    }
    stderr.write(`portreeve: cannot write: ${error.message}\n`);
    process.exit(EXIT_CODES.environment);
  });
  stderr.on('error', () => {});
  const user = { env: process.env, uid: process.getuid?.() ?? -1 };
  return {
    ...user,
    clock: systemClock,
    out: (text) => void stdout.write(text),
    err: boundedWriter(stderr),
    columns: stdout.isTTY ? stdout.columns : undefined,
    readSettings: async (named) => {
      const { readSettings } = await import('./settings.ts');
      return await readSettings(named, user, await sections());
    },
    unread: unread.signal,
  };
}

/** Writes, but for what comes while more than LOG_WAITING_MAX_BYTES wait for a reader: that is counted instead. */
function boundedWriter(stream: NodeJS.WriteStream): (text: string) => void {
  let dropped = 0;
  return (text) => {
    if (stream.writableLength > LOG_WAITING_MAX_BYTES) {
      dropped++;
      return;
    }
    if (dropped > 0) stream.write(`portreeve: ${dropped} lines were dropped, because nobody read them\n`);
    dropped = 0;
    stream.write(text);
  };
}
