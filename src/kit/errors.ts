// Converts a thrown value into an error message and an exit code.
import { CommanderError } from 'commander';
import { EXIT_CODES, errorJson, messageOf, PortreeveError } from '../base/errors.ts';

/** The outcome of a command that threw. */
interface Ending {
  /** For standard error: "portreeve: error[CODE]: message" and a hint, or a line of JSON. */
  readonly text: string;
  readonly code: number;
}

/** The text (or JSON) and the exit code for any thrown value. */
export function endingOf(thrown: unknown, isJson = false): Ending {
  if (thrown instanceof CommanderError) {
    // Commander has printed help or the version. Help that was not requested means that the subcommand is missing.
    return { text: '', code: thrown.exitCode === 0 ? 0 : EXIT_CODES.usage };
  }
  const error = portreeveErrorOf(thrown);
  return {
    text: isJson ? `${JSON.stringify(errorJson(error))}\n` : textOf(error),
    code: EXIT_CODES[error.kind],
  };
}

/** Anything else is a bug of portreeve; its stack is kept. */
function portreeveErrorOf(thrown: unknown): PortreeveError {
  if (thrown instanceof PortreeveError) return thrown;
  const bug = new PortreeveError('BUG', messageOf(thrown), 'This is a bug of portreeve.');
  if (thrown instanceof Error && thrown.stack !== undefined) bug.stack = thrown.stack;
  return bug;
}

/** Whether --json was given. Words after "--" belong to another program. */
export function requestsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

/** Commander's error as a PortreeveError with a hint; a request for help or the version is returned unchanged. */
export function usageError(error: CommanderError, command: string): PortreeveError | CommanderError {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return new PortreeveError('USAGE', message, `See: ${command} --help`);
}

function textOf(error: PortreeveError): string {
  const what = error.kind === 'bug' ? (error.stack ?? error.message) : error.message;
  return `portreeve: error[${error.code}]: ${what}\n${error.hint === '' ? '' : `${error.hint}\n`}`;
}
