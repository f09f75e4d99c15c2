// The one place where what was thrown becomes words and an exit code.
import { CommanderError } from 'commander';
import { EXIT_CODES, messageOf, PortreeveError } from '../base/errors.ts';

/** How a command ends that threw. */
export interface Ending {
  /** For standard error: "portreeve: what", then what to do next, each on lines of its own. */
  readonly text: string;
  readonly code: number;
}

/** The words and the exit code for anything that was thrown. */
export function endingOf(thrown: unknown): Ending {
  if (thrown instanceof PortreeveError) {
    const what = thrown.kind === 'bug' ? stackOf(thrown) : thrown.message;
    return { text: textOf(what, thrown.hint), code: EXIT_CODES[thrown.kind] };
  }
  if (thrown instanceof CommanderError) {
    // Help and version were asked for and printed; help that nobody asked for stands in for a missing command.
    return { text: '', code: thrown.exitCode === 0 ? 0 : EXIT_CODES.usage };
  }
  return { text: textOf(stackOf(thrown), 'This is a bug of portreeve.'), code: EXIT_CODES.bug };
}

/** What commander found wrong in the arguments of `command`, with a hint; its help and version as they are. */
export function usageError(error: CommanderError, command: string): PortreeveError | CommanderError {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return new PortreeveError('usage', 'USAGE', message, `See: ${command} --help`);
}

function textOf(what: string, hint: string): string {
  return hint === '' ? `portreeve: ${what}\n` : `portreeve: ${what}\n${hint}\n`;
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown);
}
