/** Finds exports of src that no file imports, or that only tests use. */

import { posix } from 'node:path';
import { importsOf, listedNames } from './imports.ts';
import { type Token, tokensOf } from './tokens.ts';

interface Export {
  readonly name: string;
  readonly line: number;
}

/** Users of the package import its exports. */
const LIBRARY = 'src/main/library.ts';
const DECLARATIONS = new Set(['const', 'let', 'function', 'class', 'interface', 'type']);
const MODIFIERS = new Set(['abstract', 'async', 'declare', '*']);

/** The exports of a source, by declarations and by lists. */
export function exportsOf(source: string): Export[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, index): Export[] => {
    if (token.kind !== 'word' || token.value !== 'export') return [];
    const rest = tokens.slice(index + 1).filter(({ value }, at) => at > 3 || !MODIFIERS.has(value));
    const [first, second] = rest;
    const list = first?.value === 'type' && second?.value === '{' ? rest.slice(1) : rest;
    if (list[0]?.value === '{') {
      return listedNames(list.slice(1)).map(({ alias, line }) => ({ name: alias, line }));
    }
    const declares = first !== undefined && DECLARATIONS.has(first.value) && second?.kind === 'word';
    return declares ? [{ name: second.value, line: second.line }] : [];
  });
}

/** Reports unused exports of a set of files, keyed by path. */
export function uselessExports(files: ReadonlyMap<string, string>): string[] {
  const users = usersOf(files);
  return [...files].flatMap(([file, source]) => {
    if (!file.startsWith('src/') || isTest(file) || file === LIBRARY) return [];
    const words = tokensOf(source).filter(isReference);
    return exportsOf(source).flatMap(({ name, line }) => {
      const importers = [...(users.get(`${file} ${name}`) ?? [])];
      const where = `${file}:${line} exports ${name}, which`;
      if (importers.length === 0) return [`${where} nothing imports`];
      const isUsed = !importers.every(isTest) || words.filter(({ value }) => value === name).length > 1;
      return isUsed ? [] : [`${where} only tests use: move it to test/support`];
    });
  });
}

/** The importing files of each export, by "path name". */
function usersOf(files: ReadonlyMap<string, string>): Map<string, Set<string>> {
  const users = new Map<string, Set<string>>();
  for (const [file, source] of files) {
    const use = (target: string, names: Iterable<string>): void => {
      const path = target.startsWith('.') ? posix.join(posix.dirname(file), target) : target;
      if (!files.has(path)) return;
      for (const name of names) {
        const key = `${path} ${name}`;
        users.set(key, (users.get(key) ?? new Set()).add(file));
      }
    };
    // A file that imports the whole module uses the names that it mentions, also in the text of an embedded program.
    const mentioned = new Set(source.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu));
    for (const { target = '', names } of importsOf(source))
      use(target, names.includes('*') ? mentioned : names);
    for (const { value } of namedFiles(tokensOf(source))) use(value, mentioned);
  }
  return users;
}

/** Strings that name a file outside of an import, such as in `new URL('./a.ts', import.meta.url)`. */
function namedFiles(tokens: readonly Token[]): Token[] {
  return tokens.filter(({ kind, value }, at) => {
    const before = tokens[at - 1]?.value ?? '';
    return kind === 'text' && value.endsWith('.ts') && !['from', 'import'].includes(before);
  });
}

function isTest(file: string): boolean {
  return file.startsWith('test/') || file.endsWith('.test.ts');
}

/** Distinguishes a reference to a name from a member access `.name`; `...name` is a reference. */
function isReference({ kind }: Token, at: number, tokens: readonly Token[]): boolean {
  const [second, before] = tokens.slice(Math.max(0, at - 2), at).map(({ value }) => value);
  return kind === 'word' && (before === undefined || second === '.' || !['.', '?.'].includes(before));
}
