// The one place where what was thrown becomes words and an exit code.
import { CommanderError } from 'commander';
import { EXIT_CODES, errorJson, messageOf, PortreeveError } from '../base/errors.ts';

/** How a command ends that threw. */
interface Ending {
  /** For standard error: "portreeve: error[CODE]: what", then what to do next; or a line of JSON. */
  readonly text: string;
  readonly code: number;
}

/** The words, or with `isJson` the JSON, and the exit code for anything that was thrown. */
export function endingOf(thrown: unknown, isJson = false): Ending {
  if (thrown instanceof CommanderError) {
    // Help and version were asked for and printed; help that nobody asked for stands in for a missing command.
    return { text: '', code: thrown.exitCode === 0 ? 0 : EXIT_CODES.usage };
  }
  const error = portreeveErrorOf(thrown);
  return {
    text: isJson ? `${JSON.stringify(errorJson(error))}\n` : textOf(error),
    code: EXIT_CODES[error.kind],
  };
}

/** Whatever is not a PortreeveError is a bug of ours, and keeps its stack. */
function portreeveErrorOf(thrown: unknown): PortreeveError {
  if (thrown instanceof PortreeveError) return thrown;
  const bug = new PortreeveError('BUG', messageOf(thrown), 'This is a bug of portreeve.');
  if (thrown instanceof Error && thrown.stack !== undefined) bug.stack = thrown.stack;
  return bug;
}

/** Whether what was typed asks for JSON; what stands behind "--" is another program's. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}

/** What commander found wrong in the arguments of `command`, with a hint; its help and version as they are. */
export function usageError(error: CommanderError, command: string): PortreeveError | CommanderError {
  if (error.exitCode === 0 || error.code === 'commander.help') return error;
  const message = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
  return new PortreeveError('USAGE', message, `See: ${command} --help`);
}

function textOf(error: PortreeveError): string {
  const what = error.kind === 'bug' ? (error.stack ?? error.message) : error.message;
  return `portreeve: error[${error.code}]: ${what}\n${error.hint === '' ? '' : `${error.hint}\n`}`;
}
