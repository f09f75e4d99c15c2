/**
 * Prints how much of src is run by the tests that call it in their own process:
 * `npm run coverage -- [PART OF A PATH ...]`.
 *
 * The parts choose the files that are printed; all of these tests run in any case, and whether they pass is for
 * `npm test` to say: a few cannot where Node's coverage adds a variable to the environment of what they start.
 */

import { once } from 'node:events';
import { relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { table } from '../bench/table.ts';
import { ROOT, sourceFiles } from './support/files.ts';

/** Where the tests are that call src in their own process. */
const TESTED_FROM = [
  'src',
  'test/support/sim',
  'test/policy',
  'test/fuzz',
  'test/docs',
  'test/vectors.test.ts',
];
const CONCURRENCY = 2;

/** How many lines of a file there are, and how many of them were run; of one without code there is none. */
export interface Covered {
  readonly path: string;
  readonly lines: number;
  readonly run: number;
}

const percentOf = ({ lines, run: ran }: Omit<Covered, 'path'>): number =>
  lines === 0 ? 100 : (100 * ran) / lines;

/** A table of the files, those first of which least was run, and one of the folders. */
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
  console.log('\nNo test loads these, which have types only or run in processes of their own:');
  for (const file of others.filter(isChosen)) console.log(file);
}

if (import.meta.main) await main(process.argv.slice(2));
