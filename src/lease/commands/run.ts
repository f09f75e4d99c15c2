// `portreeve run`: asks the daemon to grant a job to the calling shell, which then executes the command.
import { join } from 'node:path';
import { PortreeveError } from '../../base/errors.ts';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import { postTo } from '../../kit/daemon-client.ts';
import { USER_SOCKET } from '../../kit/daemon-names.ts';
import { SYSTEM_DIRECTORIES } from '../../kit/directories.ts';
import { RUN_PATH, type RunAnswer, type RunRequest } from '../app/run.ts';
import type { RunOptions } from './index.ts';

/** The exit code that reports to bin/portreeve that its shell has the job; no other outcome has this code. */
const HAS_JOB = 111;

/** `words` is the command with its arguments; `all` is the whole command line, including "--". */
export async function runCommand(
  words: readonly string[],
  all: readonly string[],
  { job, runtime = SYSTEM_DIRECTORIES.runtime, shell }: RunOptions,
): Promise<number> {
  requireCommand(words, all);
  const pid = parseDecimal(shell ?? '', PID_MAX);
  if (pid === undefined) throw noShell();
  const request: RunRequest = { job, pid };
  try {
    await postTo<RunAnswer>(join(runtime, USER_SOCKET), RUN_PATH, request);
  } catch (thrown) {
    throw explained(thrown);
  }
  return HAS_JOB;
}

/** The shell executes everything after the first "--", which must therefore be exactly the command. */
function requireCommand(words: readonly string[], all: readonly string[]): void {
  const at = all.indexOf('--');
  const [name = ''] = words;
  if (at < 0 || name === '' || all.length - at - 1 !== words.length) {
    throw usage('the command is missing: put it after "--"');
  }
  if (name.startsWith('-')) throw usage(`a command cannot begin with "-": ${name}`);
}

function explained(thrown: unknown): unknown {
  if (!(thrown instanceof PortreeveError) || thrown.code !== 'DAEMON_ABSENT') return thrown;
  const message = `cannot take the job: ${thrown.message}`;
  return new PortreeveError(thrown.code, message, 'To start the daemon as root: portreeve serve');
}

function usage(message: string): PortreeveError {
  return new PortreeveError('USAGE', message, 'See: portreeve run --help');
}

function noShell(): PortreeveError {
  const hint = 'Run portreeve itself, not through Node.';
  return new PortreeveError('USAGE', 'there is no shell to execute the command', hint);
}
