/**
 * Prints the coverage of src by tests that run in the same process:
 * `npm run coverage -- [PART OF A PATH ...]`.
 *
 * The arguments select the files to print; all tests run in any case. Failures are ignored: a few tests fail because
 * Node's coverage adds a variable to the environment of child processes.
 */

import { once } from 'node:events';
import { relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { table } from '../bench/table.ts';
import { ROOT, sourceFiles } from './support/files.ts';

/** The tests that run src in the same process. */
const TESTED_FROM = [
  'src',
  'test/support/sim',
  'test/policy',
  'test/fuzz',
  'test/docs',
  'test/vectors.test.ts',
];
const CONCURRENCY = 2;

/** The number of lines of code and of covered lines of a file. */
export interface Covered {
  readonly path: string;
  readonly lines: number;
  readonly run: number;
}

const percentOf = ({ lines, run: ran }: Omit<Covered, 'path'>): number =>
  lines === 0 ? 100 : (100 * ran) / lines;

/** A table of files and one of folders, lowest coverage first. */
export function coverageReport(files: readonly Covered[]): string {
  const folders = [...Map.groupBy(files, ({ path }) => path.split('/').slice(0, 2).join('/'))].map(
    ([path, those]) => ({
      path,
      lines: those.reduce((sum, { lines }) => sum + lines, 0),
      run: those.reduce((sum, one) => sum + one.run, 0),
    }),
  );
  return [files, folders]
    .map((rows) => {
      const sorted = rows.toSorted((a, b) => percentOf(a) - percentOf(b) || a.path.localeCompare(b.path));
      const cells = sorted.map((row) => [row.path, `${row.lines}`, `${percentOf(row).toFixed(1)}%`]);
      return table([rows === files ? 'file' : 'folder', 'lines', 'run'], cells);
    })
    .join('\n\n');
}

async function measure(): Promise<Covered[]> {
  const root = fileURLToPath(ROOT);
  const tests = (await sourceFiles(['src', 'test'])).filter(
    (file) =>
      file.endsWith('.test.ts') &&
      !/\.(?:long|vm)\.test\.ts$/.test(file) &&
      TESTED_FROM.some((place) => file === place || file.startsWith(`${place}/`)),
  );
  const files: Covered[] = [];
  const stream = run({
    files: tests,
    cwd: root,
    concurrency: CONCURRENCY,
    coverage: true,
    coverageIncludeGlobs: ['src/**/*.ts'],
    coverageExcludeGlobs: ['src/**/*.test.ts'],
  });
  stream.on('test:coverage', ({ summary }) => {
    for (const { path, totalLineCount: lines, coveredLineCount: ran } of summary.files) {
      files.push({ path: relative(root, path), lines, run: ran });
    }
  });
  stream.resume();
  await once(stream, 'end');
  return files;
}

async function main(parts: readonly string[]): Promise<void> {
  process.chdir(fileURLToPath(ROOT));
  const files = await measure();
  const isChosen = (path: string) => parts.length === 0 || parts.some((part) => path.includes(part));
  console.log(coverageReport(files.filter(({ path }) => isChosen(path))));
  const loaded = new Set(files.map(({ path }) => path));
  const others = (await sourceFiles(['src'])).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !loaded.has(file),
  );
  console.log('\nNo test loads these files, which contain only types or run in other processes:');
  for (const file of others.filter(isChosen)) console.log(file);
}

if (import.meta.main) await main(process.argv.slice(2));
