// Io: the streams, environment, and clock of a command, passed in so that tests can replace them.
import type { Clock } from '../base/clock.ts';
import { PortreeveError } from '../base/errors.ts';
import type { Settings } from './settings.ts';

export interface Io {
  /** Writes to standard output. */
  readonly out: (text: string) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The width of the terminal; undefined if the output is not a terminal. */
  readonly columns: number | undefined;
  readonly uid: number;
  readonly clock: Clock;
  /**
   * Reads the named settings file, or else the user's portreeve.toml. Throws PortreeveError (usage) `CONFIG_MISSING`
   * and `CONFIG_INVALID`.
   */
  readonly readSettings: (named?: string) => Promise<Settings>;
  /** Aborted when the reader of standard output has closed it. */
  readonly unread?: AbortSignal;
}

/** Whether the output uses bold: on a terminal, unless NO_COLOR (no-color.org) is set. */
export function isEmphasized({ columns, env }: Io): boolean {
  return columns !== undefined && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** Throws PortreeveError `NOT_ROOT` (environment) unless the user is root; `what` follows "only root can". */
export function needRoot({ uid }: Pick<Io, 'uid'>, what: string): void {
  if (uid === 0) return;
  const hint = 'Run it as root, for example with sudo.';
  throw new PortreeveError('NOT_ROOT', `only root can ${what}`, hint, { uid });
}
