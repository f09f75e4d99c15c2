// The Io of a process: its streams, its environment, its user.
import { EXIT_CODES } from '../base/errors.ts';
import type { Io } from './io.ts';

export function processIo(): Io {
  const { stdout, stderr } = process;
  // A reader who has seen enough, such as head(1), is no trouble: the command ends as if he had read on.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    stderr.write(`portreeve: cannot write: ${error.message}\n`);
    process.exit(EXIT_CODES.world);
  });
  stderr.on('error', () => {});
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    env: process.env,
    columns: stdout.isTTY ? stdout.columns : undefined,
    uid: process.getuid?.() ?? -1,
  };
}
