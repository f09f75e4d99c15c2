// What only root can do is refused to everybody else before anything is tried.
import { PortreeveError } from '../base/errors.ts';
import type { Io } from './io.ts';

/** Throws PortreeveError `NOT_ROOT` (world) for anybody else; `what` follows "only root can". */
export function needRoot({ uid }: Pick<Io, 'uid'>, what: string): void {
  if (uid === 0) return;
  const hint = 'Run it as root, such as by sudo.';
  throw new PortreeveError('NOT_ROOT', `only root can ${what}`, hint, { uid });
}
