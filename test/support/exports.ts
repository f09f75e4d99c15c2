/** The exports of src that nothing imports, and those that only tests use. */

import { posix } from 'node:path';
import { importsOf, listedNames } from './imports.ts';
import { type Token, tokensOf } from './tokens.ts';

interface Export {
  readonly name: string;
  readonly line: number;
}

/** What a package's users import is used. */
const LIBRARY = 'src/main/library.ts';
const DECLARATIONS = new Set(['const', 'let', 'function', 'class', 'interface', 'type']);
const MODIFIERS = new Set(['abstract', 'async', 'declare', '*']);

/** The exports of a source: of declarations and of lists. */
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

/** Says where an export is of no use to a program, for a set of files named by their path. */
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

/** The files that import a name, by the path of its file and the name. */
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
    // Of a module as a whole a file uses what it mentions, also in a program that it has as text.
    const mentioned = new Set(source.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu));
    for (const { target = '', names } of importsOf(source))
      use(target, names.includes('*') ? mentioned : names);
    for (const { value } of namedFiles(tokensOf(source))) use(value, mentioned);
  }
  return users;
}

/** The texts that name a file without importing it, such as that of `new URL('./a.ts', import.meta.url)`. */
function namedFiles(tokens: readonly Token[]): Token[] {
  return tokens.filter(({ kind, value }, at) => {
    const before = tokens[at - 1]?.value ?? '';
    return kind === 'text' && value.endsWith('.ts') && !['from', 'import'].includes(before);
  });
}

function isTest(file: string): boolean {
  return file.startsWith('test/') || file.endsWith('.test.ts');
}

/** Tells a mention of a name from a member that is called the same; `...name` is a mention. */
function isReference({ kind }: Token, at: number, tokens: readonly Token[]): boolean {
  const [second, before] = tokens.slice(Math.max(0, at - 2), at).map(({ value }) => value);
  return kind === 'word' && (before === undefined || second === '.' || !['.', '?.'].includes(before));
}
