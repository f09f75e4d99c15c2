// The one error class of portreeve: what happened, which value, what would be legal, and what to do next.
import { ERRORS, type ErrorCode, type ErrorKind } from './error-catalog.ts';

/** The exit code that each kind of trouble ends a command with. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  refused: 1,
  environment: 3,
  bug: 3,
};

/** Values that belong to an error, for `--json` and for logs. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>;

/** An error with a stable code, a kind, a hint that says what to do next, and the values that matter. */
export class PortreeveError extends Error {
  override name = 'PortreeveError';
  /** Whose trouble it is. */
  readonly kind: ErrorKind;
  /** What happened, in a word that does not change: "PORT_INVALID". */
  readonly code: ErrorCode;
  /** What would be legal, or what to do next; empty where there is nothing to say. */
  readonly hint: string;
  /** The values that matter. */
  readonly data: ErrorData;

  /** The message says what happened and which value is concerned. */
  constructor(code: ErrorCode, message: string, hint = '', data: ErrorData = {}) {
    super(message);
    this.kind = ERRORS[code][0];
    this.code = code;
    this.hint = hint;
    this.data = data;
  }
}

/** An error as the daemon answers with it, and as a command prints it with `--json`. */
export function errorJson({ message, code, kind, hint, data }: PortreeveError) {
  return { error: message, code, kind, hint, data };
}

/**
 * A failure that a caller may report, and go on without what failed. Our own bugs are thrown on: an error of kind
 * `bug`, and whatever is not a PortreeveError.
 */
export function requireFailure(thrown: unknown): PortreeveError {
  if (thrown instanceof PortreeveError && thrown.kind !== 'bug') return thrown;
  throw thrown;
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The code of an error of the system or of ours; undefined where there is none. */
export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

/** The system's name of an error, such as ECONNREFUSED; of several addresses tried, the first one's. */
export function errnoOf(thrown: unknown): string {
  const code = codeOf(thrown);
  return typeof code === 'string' ? code : 'unknown error';
}
