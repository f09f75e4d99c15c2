/** The house rules that a program can check; each says what to do instead. */

import { functionsOf } from './functions.ts';
import { type Token, tokensOf } from './tokens.ts';

export interface Rule {
  readonly name: string;
  readonly instead: string;
  readonly appliesTo: (file: string) => boolean;
  /** The lines that break the rule. */
  readonly find: (source: string, file: string) => readonly number[];
}

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 500;
const LINE_CHARACTERS_MAX = 120;
/** The one place that turns a bigint into a number, after checking that it fits. */
const CONVERSIONS = 'src/base/numbers.ts';
/** The folders of code; what lies elsewhere is prose or settings. */
export const CODE_FOLDERS = ['src', 'test', 'bench', 'scripts', 'bin', 'examples'];

const isTs = (file: string): boolean => file.endsWith('.ts');
const isCode = (file: string): boolean =>
  CODE_FOLDERS.includes(file.split('/')[0] ?? '') && (isTs(file) || !/\.[a-z0-9]+$/.test(file));
/** Third parties' words: a license, and the data of a lock file. */
const isOurs = (file: string): boolean => !['LICENSE', 'package-lock.json'].includes(file);

/** Words that this file may not contain itself are put together from pieces. */
const words = (...pieces: readonly string[]): string[] => pieces.map((word) => word.replaceAll('~', ''));
const MARKERS = words('TO~DO', 'FIX~ME', 'X~XX', 'HA~CK');
const SUPPRESSIONS = words('@ts-~ignore', '@ts-~expect-error', '@ts-~nocheck', 'biome-~ignore');
const FOREIGN = words(
  'A~I',
  'L~LMs?',
  'G~PT',
  'Cl~aude',
  'Anth~ropic',
  'Co~pilot',
  'work~place',
  'pro~mpts?',
  'sub~agents?',
  'regis~try\\.[a-z]+\\.[a-z]+',
);
const FOREIGN_PATHS = words('(?<![\\w.])/wo~rk(?!\\w)', '\\.\\./sha~red', '/tmp/b~rief', 'iss~ues? #?\\d+');

export const RULES: readonly Rule[] = [
  {
    name: 'first sentence',
    instead: 'begin the file with a comment whose first sentence says what the file is',
    appliesTo: isCode,
    find: (source) => (beginsWithSentence(source) ? [] : [1]),
  },
  {
    name: 'long function',
    instead: `split it: a function has at most ${FUNCTION_LINES_MAX} lines`,
    appliesTo: isTs,
    find: (source) =>
      functionsOf(source).flatMap(({ line, lines }) => (lines > FUNCTION_LINES_MAX ? [line] : [])),
  },
  {
    name: 'long file',
    instead: `split it by what it is about: a file has at most ${FILE_LINES_MAX} lines`,
    appliesTo: isCode,
    find: (source) => (source.trimEnd().split('\n').length > FILE_LINES_MAX ? [FILE_LINES_MAX + 1] : []),
  },
  {
    name: 'long line',
    instead: `break it: a line has at most ${LINE_CHARACTERS_MAX} characters`,
    appliesTo: isTs,
    find: (source) => linesThat(source, (line) => line.length > LINE_CHARACTERS_MAX),
  },
  {
    name: 'any',
    instead: 'use unknown and narrow it',
    appliesTo: isTs,
    find: (source) =>
      tokensThat(source, (token, before, after) => {
        const isName = [':', '(', '='].includes(after) || ['.', '?.'].includes(before);
        return token.kind === 'word' && token.value === 'any' && !isName;
      }),
  },
  {
    name: 'cast through unknown',
    instead: 'check the value, or give the function a type that fits',
    appliesTo: isTs,
    find: (source) =>
      tokensThat(
        source,
        ({ value }, before, after) => before === 'as' && value === 'unknown' && after === 'as',
      ),
  },
  {
    name: 'number from text',
    instead: `check the digits by a regular expression; for a bigint use ${CONVERSIONS}`,
    appliesTo: (file) => isTs(file) && file !== CONVERSIONS,
    find: (source) =>
      tokensThat(source, ({ kind, value }, _before, after) => {
        if (kind !== 'word') return false;
        return value === 'parseInt' || value === 'parseFloat' || (value === 'Number' && after !== '.');
      }),
  },
  {
    name: 'leftover',
    instead: 'do it now, or describe the limit in docs/limits.md',
    appliesTo: isOurs,
    find: (source) => linesWith(source, MARKERS),
  },
  {
    name: 'suppression',
    instead: 'write it so that the checker agrees',
    appliesTo: isTs,
    find: (source) => linesThat(source, (line) => SUPPRESSIONS.some((word) => line.includes(word))),
  },
  {
    name: 'foreign word',
    instead: 'say it in the terms of the field; the project does not tell how it was made',
    appliesTo: isOurs,
    find: (source, file) => [...linesWith(file, FOREIGN), ...linesWith(source, FOREIGN, FOREIGN_PATHS)],
  },
];

/** What is untidy in a set of files, as sentences that name the replacement. */
export function untidy(files: ReadonlyMap<string, string>, rules = RULES): string[] {
  return [...files].flatMap(([file, source]) =>
    rules
      .filter(({ appliesTo }) => appliesTo(file))
      .flatMap(({ name, instead, find }) =>
        find(source, file).map((line) => `${file}:${line} ${name}: ${instead}`),
      ),
  );
}

function beginsWithSentence(source: string): boolean {
  const text = source.replace(/^#!.*\n/, '');
  const comment = /^(?:\/\*\*[\s\S]*?\*\/|(?:\/\/.*\n)+|(?:#.*\n)+)/.exec(text)?.[0] ?? '';
  const prose = comment.replace(/^\s*(?:\/\*\*|\*\/|\*|\/\/|#)/gm, '').trim();
  return /^[`\p{L}].*?[.:!?](?:\s|\*|$)/su.test(prose);
}

function linesThat(source: string, breaks: (line: string) => boolean): number[] {
  return source.split('\n').flatMap((line, index) => (breaks(line) ? [index + 1] : []));
}

function linesWith(
  source: string,
  wholeWords: readonly string[],
  patterns: readonly string[] = [],
): number[] {
  const alternatives = [`(?<![\\p{L}\\d_])(?:${wholeWords.join('|')})(?![\\p{L}\\d_])`, ...patterns];
  const expression = new RegExp(alternatives.join('|'), 'u');
  return linesThat(source, (line) => expression.test(line));
}

function tokensThat(
  source: string,
  breaks: (token: Token, before: string, after: string) => boolean,
): number[] {
  const tokens = tokensOf(source);
  return tokens
    .filter((token, at) => breaks(token, tokens[at - 1]?.value ?? '', tokens[at + 1]?.value ?? ''))
    .map(({ line }) => line);
}
