// The error class of portreeve: a code, a message with the value, and a hint on what is valid or what to do next.
import { ERRORS, type ErrorCode, type ErrorKind } from './error-catalog.ts';

/** The exit code of a command for each kind of error. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  refused: 1,
  environment: 3,
  bug: 3,
};

/** The values of an error, for `--json` and for logs. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>;

/** An error with a code of the catalog. */
export class PortreeveError extends Error {
  override name = 'PortreeveError';
  /** The class of error, which determines the exit status. */
  readonly kind: ErrorKind;
  /** Stable, such as "PORT_INVALID". */
  readonly code: ErrorCode;
  /** What is valid, or what to do next. May be empty. */
  readonly hint: string;
  /** Values of the message, for `--json` and for logs. */
  readonly data: ErrorData;

  /** `message` states what happened, with the value. */
  constructor(code: ErrorCode, message: string, hint = '', data: ErrorData = {}) {
    super(message);
    this.kind = ERRORS[code][0];
    this.code = code;
    this.hint = hint;
    this.data = data;
  }
}

/** The JSON form of an error: in responses of the daemon, and in the output of `--json`. */
export function errorJson({ message, code, kind, hint, data }: PortreeveError) {
  return { error: message, code, kind, hint, data };
}

/**
 * Returns a failure that the caller can report before it continues. Rethrows bugs: an error of kind `bug`, and anything
 * that is not a PortreeveError.
 */
export function requireFailure(thrown: unknown): PortreeveError {
  if (thrown instanceof PortreeveError && thrown.kind !== 'bug') return thrown;
  throw thrown;
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The code of a system error or a PortreeveError. */
export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}

/** The errno name of a system error, such as ECONNREFUSED. If several addresses were tried, that of the first. */
export function errnoOf(thrown: unknown): string {
  const code = codeOf(thrown);
  return typeof code === 'string' ? code : 'unknown error';
}
