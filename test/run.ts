/**
 * Builds, checks, and runs the tests: `npm test -- [--only-unit] [--no-check] [--long] [--vm] [PART OF A PATH ...]`.
 *
 * Unit tests are next to their file in src, the others in test. Files named *.long.test.ts run only with --long. Files
 * named *.vm.test.ts boot virtual machines; with --vm they run alone and one after the other.
 * PORTREEVE_EXPECTED_SKIPS names a file with the acceptable skips; any other skip then fails the run.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT, sourceFiles } from './support/files.ts';
import { type FileResult, judge, parseExpectedSkips } from './support/results.ts';
import { runFile } from './support/runner.ts';

const CONCURRENCY = 2;
const LIMITS: Limits = { testMs: 200_000, fileMs: 300_000, runMs: 1_200_000 };
/** A long file may consist of one test. */
const LONG_LIMITS: Limits = { testMs: 1_800_000, fileMs: 1_800_000, runMs: 3_600_000 };
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Timeouts. */
interface Limits {
  readonly testMs: number;
  readonly fileMs: number;
  readonly runMs: number;
}

interface Choice {
  readonly long: boolean;
  readonly vm: boolean;
  readonly onlyUnit: boolean;
  readonly noCheck: boolean;
  readonly parts: readonly string[];
}

const OPTIONS = ['--only-unit', '--no-check', '--long', '--vm'];

function choiceOf(args: readonly string[]): Choice {
  const unknown = args.find((arg) => arg.startsWith('-') && !OPTIONS.includes(arg));
  if (unknown !== undefined) {
    console.error(`unknown option ${unknown}; known options: ${OPTIONS.join(', ')}`);
    process.exit(2);
  }
  return {
    long: args.includes('--long'),
    vm: args.includes('--vm'),
    onlyUnit: args.includes('--only-unit'),
    noCheck: args.includes('--no-check'),
    parts: args.filter((arg) => !arg.startsWith('-')),
  };
}

async function chosenFiles({ long, vm, onlyUnit, parts }: Choice): Promise<string[]> {
  const files = await sourceFiles(onlyUnit ? ['src'] : ['src', 'test']);
  return files
    .filter((file) => file.endsWith('.test.ts') && file.endsWith('.vm.test.ts') === vm)
    .filter((file) => long || !file.endsWith('.long.test.ts'))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
}

/** Runs a script like a test, so that its failure counts but does not prevent the tests from running. */
async function runStep(script: string, signal: AbortSignal): Promise<FileResult> {
  const begin = performance.now();
  const options = { signal, maxBuffer: OUTPUT_BYTES_MAX };
  const failure = await promisify(execFile)('sh', [script], options).then(
    () => undefined,
    (error: Error & { stdout?: string; stderr?: string }) => ({
      test: script,
      details: `${error.stdout ?? ''}${error.stderr ?? ''}`.trim() || error.message,
    }),
  );
  const seconds = (performance.now() - begin) / 1000;
  return { file: script, passed: 0, failures: failure ? [failure] : [], skips: [], output: '', seconds };
}

function print(result: FileResult): void {
  const { file, passed, failures, skips, output, seconds } = result;
  const counts = [`${passed} passed`, `${failures.length} failed`, `${skips.length} skipped`];
  const shown = counts.filter((count) => !count.startsWith('0 ')).join(', ');
  console.log(`${failures.length > 0 ? 'FAILED' : 'ok    '}  ${file}  ${shown}  ${seconds.toFixed(1)} s`);
  for (const { test, details } of failures) console.log(`\n  ${test}\n${details.replace(/^/gm, '    ')}\n`);
  if (failures.length > 0 && output.trim() !== '')
    console.log(`  output:\n${output.replace(/^/gm, '    ')}\n`);
}

/** Runs a file until it ends, times out, or the whole run is stopped. */
async function runWithin(file: string, limits: Limits, signal: AbortSignal): Promise<FileResult> {
  const { fileMs, testMs } = limits;
  const stop = new AbortController();
  const onStop = (): void => stop.abort(signal.reason);
  const timer = setTimeout(() => stop.abort(new Error(`took more than ${fileMs / 1000} s`)), fileMs);
  signal.addEventListener('abort', onStop);
  try {
    return await runFile(file, { signal: stop.signal, testMs });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onStop);
  }
}

/** Runs files with the given concurrency, and prints each result. */
async function runAll(
  files: readonly string[],
  concurrency: number,
  limits: Limits,
  signal: AbortSignal,
): Promise<FileResult[]> {
  const waiting = [...files];
  const results: FileResult[] = [];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined && !signal.aborted; file = waiting.shift()) {
      const result = await runWithin(file, limits, signal);
      results.push(result);
      print(result);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return results;
}

async function main(): Promise<void> {
  process.chdir(fileURLToPath(ROOT));
  const choice = choiceOf(process.argv.slice(2));
  const list = process.env['PORTREEVE_EXPECTED_SKIPS'];
  const expected = list === undefined ? undefined : parseExpectedSkips(await readFile(list, 'utf8'));

  const limits = choice.long || choice.vm ? LONG_LIMITS : LIMITS;
  const { runMs } = limits;
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new Error(`the run took more than ${runMs / 60_000} minutes`)),
    runMs,
  );
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stop.abort(new Error(`the run was stopped by ${name}`)));
  }

  const results: FileResult[] = [];
  for (const script of ['scripts/build', ...(choice.noCheck ? [] : ['scripts/check'])]) {
    const result = await runStep(script, stop.signal);
    print(result);
    results.push(result);
  }
  const files = await chosenFiles(choice);
  // A virtual machine uses the whole host.
  results.push(...(await runAll(files, choice.vm ? 1 : CONCURRENCY, limits, stop.signal)));
  clearTimeout(timer);

  const verdict = judge(results, expected);
  console.log('');
  if (stop.signal.aborted) console.log(`${stop.signal.reason.message}; the remaining files were not run`);
  for (const line of verdict.lines) console.log(line);
  process.exitCode = verdict.ok && !stop.signal.aborted ? 0 : 1;
}

await main();
