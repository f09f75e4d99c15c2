/** Runs one test file in a process of its own and tells what happened in it. */

import { once } from 'node:events';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import type { Failure, FileResult, Skip } from './results.ts';

/** How one file is run. */
export interface FileOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** After how many milliseconds a test counts as one that hangs: it fails, and those behind it run. */
  readonly testMs?: number;
}

/** Runs the file until it ends or the signal ends it; a file in which no test ran counts as failed. */
export async function runFile(file: string, { signal, testMs }: FileOptions): Promise<FileResult> {
  const begin = performance.now();
  const path = resolve(file);
  const failures: Failure[] = [];
  const skips: Skip[] = [];
  const output: string[] = [];
  /** The names of the test that is being reported and of the suites around it. */
  const names: string[] = [];
  let passed = 0;

  // The file itself is reported as a test where it holds none, or ends otherwise than by its tests.
  const fullName = (data: { name: string; nesting: number }): string =>
    data.name === path ? 'the file as a whole' : [...names.slice(0, data.nesting), data.name].join(' > ');

  const stream = run({ files: [path], signal, ...(testMs === undefined ? {} : { timeout: testMs }) });
  stream.on('test:start', ({ name, nesting }) => {
    names[nesting] = name;
  });
  stream.on('test:pass', (data) => {
    const { skip, todo, name, details } = data;
    const test = fullName(data);
    if (todo !== undefined) failures.push({ test, details: 'marked as todo; finish it or remove it' });
    else if (skip !== undefined) skips.push({ test, reason: reasonOf(skip) });
    else if (name !== path && details.type !== 'suite') passed += 1;
  });
  stream.on('test:fail', (data) => {
    const { error } = data.details;
    // A suite that failed only because of its tests would say the same twice.
    if (!('failureType' in error) || error.failureType !== 'subtestsFailed') {
      failures.push({ test: fullName(data), details: described(error.cause ?? error) });
    }
  });
  stream.on('test:stdout', ({ message }) => output.push(message));
  stream.on('test:stderr', ({ message }) => output.push(message));
  stream.resume();
  await once(stream, 'end');

  if (passed + failures.length + skips.length === 0) {
    failures.push({ test: 'the file as a whole', details: 'it holds no test' });
  }
  const seconds = (performance.now() - begin) / 1000;
  return { file: relative('.', path), passed, failures, skips, output: output.join(''), seconds };
}

function reasonOf(skip: string | boolean): string | undefined {
  return typeof skip === 'string' && skip.trim() !== '' ? skip : undefined;
}

/** An assertion's message holds its values already. */
function described(error: unknown): string {
  const isAssertion = error instanceof Error && 'code' in error && error.code === 'ERR_ASSERTION';
  return isAssertion ? (error.stack ?? error.message) : inspect(error);
}
