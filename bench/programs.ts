// Compiles the C programs of the benchmarks into a temporary directory.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PortreeveError } from '../src/base/errors.ts';
import { probe } from '../test/support/probe.ts';

const FLAGS = ['-std=c17', '-O2', '-Wall', '-Wextra', '-Werror'];

/** The programs and their source files. */
const SOURCES = {
  load: ['load.c', 'load-udp.c', 'load-streams.c'],
  hold: ['hold.c'],
  responder: ['responder.c'],
  bindLoop: ['bind-loop.c'],
  crowd: ['crowd.c'],
  stopwatch: ['stopwatch.c'],
} as const;

/** The path of each program. */
export type Programs = Readonly<Record<keyof typeof SOURCES, string>>;

/** Throws PortreeveError `COMMAND_FAILED` (environment) without a compiler. */
export async function compilePrograms(): Promise<Programs> {
  const compiler = probe.cc();
  if (!compiler.ok) {
    const hint = 'On Debian: apt-get install gcc libc6-dev.';
    throw new PortreeveError('COMMAND_FAILED', compiler.reason, hint);
  }
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const compile = async (name: keyof typeof SOURCES): Promise<string> => {
    const program = join(directory, name);
    const sources = SOURCES[name].map((file) => join(import.meta.dirname, file));
    await promisify(execFile)('cc', [...FLAGS, '-o', program, ...sources]);
    return program;
  };
  const [load, hold, responder, bindLoop, crowd, stopwatch] = await Promise.all([
    compile('load'),
    compile('hold'),
    compile('responder'),
    compile('bindLoop'),
    compile('crowd'),
    compile('stopwatch'),
  ]);
  return { load, hold, responder, bindLoop, crowd, stopwatch };
}
