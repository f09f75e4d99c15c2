// The world of a command: everything that it reads from and writes to is handed in.
import type { Clock } from '../base/clock.ts';
import { PortreeveError } from '../base/errors.ts';
import type { Settings } from './settings.ts';

/** Where a command's words go, and what it knows of its surroundings. */
export interface Io {
  /** Writes to standard output. */
  readonly out: (text: string) => void;
  /** Writes to standard error. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The width of the terminal, undefined where the output is none. */
  readonly columns: number | undefined;
  readonly uid: number;
  readonly clock: Clock;
  /**
   * What portreeve.toml says: the file that is named, else that of the user. Throws PortreeveError (usage)
   * `CONFIG_MISSING` and `CONFIG_INVALID`.
   */
  readonly readSettings: (named?: string) => Promise<Settings>;
  /** Aborted when nobody reads standard output any more. */
  readonly unread?: AbortSignal;
}

/** Whether what is to be seen first is emphasized: on a terminal, unless NO_COLOR (no-color.org) is set. */
export function isEmphasized({ columns, env }: Io): boolean {
  return columns !== undefined && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** Throws PortreeveError `NOT_ROOT` (environment) for anybody but root; `what` follows "only root can". */
export function needRoot({ uid }: Pick<Io, 'uid'>, what: string): void {
  if (uid === 0) return;
  const hint = 'Run it as root, such as by sudo.';
  throw new PortreeveError('NOT_ROOT', `only root can ${what}`, hint, { uid });
}
