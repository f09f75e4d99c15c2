// Runs a test file in a separate process and collects its results.

import { once } from 'node:events';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import type { Failure, FileResult, Skip } from './results.ts';

export interface FileOptions {
  /** Stops the file. */
  readonly signal: AbortSignal;
  /** The timeout of a test in milliseconds: it fails, and the next ones run. */
  readonly testMs?: number;
}

/** Runs the file until it ends or the signal stops it; a file in which no test ran fails. */
export async function runFile(file: string, { signal, testMs }: FileOptions): Promise<FileResult> {
  const begin = performance.now();
  const path = resolve(file);
  const failures: Failure[] = [];
  const skips: Skip[] = [];
  const output: string[] = [];
  /** The names of the current test and its enclosing suites. */
  const names: string[] = [];
  let passed = 0;

  // The file itself is reported as a test if it contains none, or if it fails outside of its tests.
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
    // A suite that failed only because of its tests would report the same failure twice.
    if (!('failureType' in error) || error.failureType !== 'subtestsFailed') {
      failures.push({ test: fullName(data), details: described(error.cause ?? error) });
    }
  });
  stream.on('test:stdout', ({ message }) => output.push(message));
  stream.on('test:stderr', ({ message }) => output.push(message));
  stream.resume();
  await once(stream, 'end');

  if (passed + failures.length + skips.length === 0) {
    failures.push({ test: 'the file as a whole', details: 'it contains no test' });
  }
  const seconds = (performance.now() - begin) / 1000;
  return { file: relative('.', path), passed, failures, skips, output: output.join(''), seconds };
}

function reasonOf(skip: string | boolean): string | undefined {
  return typeof skip === 'string' && skip.trim() !== '' ? skip : undefined;
}

/** The message of an assertion already contains its values. */
function described(error: unknown): string {
  const isAssertion = error instanceof Error && 'code' in error && error.code === 'ERR_ASSERTION';
  return isAssertion ? (error.stack ?? error.message) : inspect(error);
}
