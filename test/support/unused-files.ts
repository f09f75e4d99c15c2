/** Finds the files of the project that no other file imports, runs or reads, by the paths that occur in their texts. */

import { posix } from 'node:path';
import { tokensOf } from './tokens.ts';

/** Files and folders (with a slash at the end) that no path in the project names, with what reads them. */
export const READ_OTHERWISE: Readonly<Record<string, string>> = {
  '.editorconfig': 'editors read it',
  '.github/workflows/': 'hosted CI reads the folder',
  '.gitignore': 'git reads it',
  '.npmrc': 'npm reads it',
  'biome.json': 'biome reads it',
  'bench/results/': 'bench/record.ts writes the folder, for people',
  'docs/decisions/': 'test/docs/decisions.test.ts reads the folder',
  'docs/man/': 'scripts/man-source.ts reads the folder',
  'src/portmap/daemon/process.ts': 'src/portmap/daemon/portmap.ts starts it, as TypeScript or JavaScript',
  'test/vectors/guard/': 'src/guard/bpf/program.test.ts builds the names of the listings',
  'test/vectors/portmap/': 'test/support/vectors.ts reads the folder',
  'test/vectors/profile/': 'test/support/golden-profiles.ts reads the folder',
};

/** Paths and file names in a text. */
const PATH = /[\w@.-]+(?:\/[\w@.-]+)*/g;

/** The unused files of a set, as sentences, and the entries of the table that no file of the set needs. */
export function unusedFiles(files: ReadonlyMap<string, string>, table = READ_OTHERWISE): string[] {
  const mentioned = new Set([...files].flatMap(([file, source]) => mentionsIn(file, source, files)));
  const entries = Object.keys(table);
  const isUsed = (file: string) =>
    isRunByName(file) ||
    entries.some((entry) => isAt(file, entry)) ||
    [file, ...namesOf(file)].some((name) => mentioned.has(name));
  const unused = [...files.keys()].filter((file) => !isUsed(file));
  const stale = entries.filter((entry) => ![...files.keys()].some((file) => isAt(file, entry)));
  return [
    ...unused.map((file) => `${file} unused file: remove it, or import, run or read it where it is needed`),
    ...stale.map(
      (entry) => `${entry} unused exception: there is no such file; remove it from READ_OTHERWISE`,
    ),
  ];
}

/** Tests are run and a folder's README is read because of their names. */
function isRunByName(file: string): boolean {
  return file.endsWith('.test.ts') || ['README.md', 'LICENSE'].includes(posix.basename(file));
}

function isAt(file: string, entry: string): boolean {
  return entry.endsWith('/') ? file.startsWith(entry) : file === entry;
}

/** Of TypeScript only its strings count: a comment that mentions a file does not use it. */
function pathsIn(file: string, source: string): string[] {
  if (!file.endsWith('.ts')) return source.match(PATH) ?? [];
  const texts = tokensOf(source).filter(({ kind }) => kind === 'text');
  return texts.flatMap(({ value }) => value.match(PATH) ?? []);
}

/**
 * What a file mentions: files by their path, relative to that file or to the root, and otherwise names of files, which
 * a program joins with a folder. A page does not use the program that it mentions, but it uses the pages it links to.
 */
function mentionsIn(file: string, source: string, files: ReadonlyMap<string, string>): string[] {
  const mentions = pathsIn(file, source).flatMap((path) => {
    const targets = [posix.join(posix.dirname(file), path), path].filter((target) => files.has(target));
    return targets.length > 0 ? targets.slice(0, 1) : [posix.basename(path)];
  });
  const isProse = file.endsWith('.md');
  return mentions.filter((name) => name !== file && (!isProse || /\.md$|^examples\//.test(name)));
}

/** Other names by which a file is mentioned: its own without folders, that of what is built from it, its program. */
function namesOf(file: string): string[] {
  const name = posix.basename(file);
  if (file.startsWith('src/')) return [name, name.replace(/\.ts$/, '.js')];
  return file.endsWith('.c') ? [name, name.slice(0, -2)] : [name];
}
