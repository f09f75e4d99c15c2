/** An Io that keeps what a command says. */

import { systemClock } from '../../src/host/linux/linux-clock.ts';
import type { Io } from '../../src/kit/io.ts';
import { readSettings } from '../../src/kit/settings.ts';
import { SECTIONS } from '../../src/main/sections.ts';

/** The world of a command under test; what it said so far can be read. */
export interface CapturedIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function capturedIo(surroundings: Partial<Pick<Io, 'env' | 'columns' | 'uid'>> = {}): CapturedIo {
  const user = { env: {}, uid: process.getuid?.() ?? -1, ...surroundings };
  let stdout = '';
  let stderr = '';
  return {
    out: (text) => {
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    stdout: () => stdout,
    stderr: () => stderr,
    clock: systemClock,
    columns: undefined,
    readSettings: (named) => readSettings(named, user, SECTIONS),
    ...user,
  };
}
