// An Io that captures the output of a command.

import { systemClock } from '../../src/host/linux/linux-clock.ts';
import type { Io } from '../../src/kit/io.ts';
import { readSettings } from '../../src/kit/settings.ts';
import { SECTIONS } from '../../src/main/sections.ts';

export interface CapturedIo extends Io {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function capturedIo(options: Partial<Pick<Io, 'env' | 'columns' | 'uid'>> = {}): CapturedIo {
  const user = { env: {}, uid: process.getuid?.() ?? -1, ...options };
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
