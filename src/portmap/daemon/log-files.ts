// The two files of the registration log: opened for the process that writes them, and copied when one is set aside.
import { closeSync, constants, copyFileSync, openSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { LOGS_ASIDE_MAX } from '../../base/limits.ts';
import type { SetAside } from '../app/journal.ts';

/** The files, open for reading and writing. The descriptors are passed to the portmap process. */
export class LogFiles {
  readonly fds: readonly [number, number];
  readonly #paths: readonly [string, string];

  /** Throws PortreeveError `LOG_FAILED` (environment) if they cannot be opened. */
  constructor(directory: string) {
    this.#paths = [join(directory, 'portmap.log.0'), join(directory, 'portmap.log.1')];
    this.fds = [openLog(this.#paths[0]), openLog(this.#paths[1])];
  }

  /**
   * Copies a file to a name that contains the reason; returns that name. Removes the oldest copies. Throws, and leaves
   * no partial copy, if there is no space.
   */
  setAside({ file, word }: SetAside, now: Date): string {
    const path = this.#paths[file];
    const aside = `${path}.${word}-${now.toISOString().replace(/[-:.]/g, '')}`;
    try {
      copyFileSync(path, aside);
    } catch (thrown) {
      rmSync(aside, { force: true });
      throw thrown;
    }
    const directory = dirname(path);
    const copies = readdirSync(directory).filter((name) => /^portmap\.log\.[01]\.[a-z-]+-\d/.test(name));
    const byAge = copies.toSorted((a, b) => stampOf(a).localeCompare(stampOf(b)));
    for (const name of byAge.slice(0, -LOGS_ASIDE_MAX)) unlinkSync(join(directory, name));
    return aside;
  }

  close(): void {
    for (const fd of this.fds) closeSync(fd);
  }
}

/** The time at the end of the name of a copy. */
const stampOf = (name: string): string => basename(name).split('-').at(-1) ?? '';

function openLog(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (thrown) {
    const message = `cannot open the registration log ${path}: ${messageOf(thrown)}`;
    throw new PortreeveError('LOG_FAILED', message, 'Choose another directory with --runtime DIR.', {
      path,
    });
  }
}
