/** The rules of the project that a program can check; each states what to do instead. */

import { posix } from 'node:path';
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
/** The folders of code; everything else is prose or settings. */
export const CODE_FOLDERS = ['src', 'test', 'bench', 'scripts', 'bin', 'examples'];

const isTs = (file: string): boolean => file.endsWith('.ts');
const isCode = (file: string): boolean =>
  CODE_FOLDERS.includes(file.split('/')[0] ?? '') && (isTs(file) || !/\.[a-z0-9]+$/.test(file));
/** All but texts of third parties: the license, and the data of the lock file. */
const isOurs = (file: string): boolean => !['LICENSE', 'package-lock.json'].includes(file);

/** Words that this file must not contain are written with a mark in them. */
const words = (...pieces: readonly string[]): string[] => pieces.map((word) => word.replaceAll('~', ''));
const MARKERS = words('TO~DO', 'FIX~ME', 'X~XX', 'HA~CK');
const SUPPRESSIONS = words('@ts-~ignore', '@ts-~expect-error', '@ts-~nocheck', 'biome-~ignore');

/** The extensions of the project's files, with what they are for. */
const KINDS: Readonly<Record<string, string>> = {
  '.ts': 'programs and tests, run by Node as they are',
  '.md': 'documentation',
  '.json': 'settings of npm and TypeScript, test vectors, results of benchmarks',
  '.yml': 'workflows of hosted CI',
  '.cjs': 'the starter of the quick commands, which CommonJS makes faster',
  '.mjs': 'a module that a virtual machine loads before types are removed',
  '.c': 'programs that have to be small or fast, or make a system call that Node does not have',
  '.h': 'what C programs of bench share',
  '.py': 'programs of tests that need a process without the threads of Node',
  '.tcpip': 'an example of a profile',
  '.profile': 'test vectors: profiles',
  '.part': 'test vectors: what a profile includes',
  '.verdicts': 'test vectors: what a profile decides',
  '.listing': 'test vectors: BPF programs as text',
  '.service': 'a unit of systemd for a virtual machine',
};
/** Files without an extension, or whose name is one. */
const NAMES = ['LICENSE', '.editorconfig', '.gitignore', '.npmrc', '.ci/expected-skips', '.ci/run'];
const SCRIPTS = /^(?:bin|scripts|test\/vm\/image)\/[\w-]+$/;

const FILE_BYTES_MAX = 256 * 1024;
/** Files that may be larger, with the reason. */
const LARGE_FILES: Readonly<Record<string, string>> = {
  'package-lock.json': 'npm writes it',
};

/** Words that the pages, comments and messages of the project do not use, in all their forms, and what to write. */
const PRIVATE_WORDS: readonly (readonly [forms: string, instead: string])[] = [
  ['to~ld', 'reported, printed'],
  ['unto~ld', 'unknown'],
  ['who~ever', 'a client that, the process that, any user'],
  ['be~sides', 'also, in addition, next to'],
  ['can be h~ad', 'is free'],
  ['is no~ne|are no~ne', 'is not a, there is no'],
  ['me~nd|me~nds|me~nded|me~nding', 'fix, repair'],
  ['gra~vest', 'most severe'],
  ['hand~ed out', 'assigned, passed'],
  ['hand~out|hand~outs', 'ephemeral allocation'],
  ['sce~ne|sce~nes', 'snapshot, setup'],
  ['lo~ok.sock|lo~ok-root.sock', 'status.sock'],
];

/** A rule for each of these words, which searches for whole words; "there is no~ne" is permitted. */
export const PRIVATE_WORD_RULES = PRIVATE_WORDS.map(([marked, instead]) => {
  const forms = marked.replaceAll('~', '').split('|');
  const pattern = forms.map(escaped).join('|');
  const expression = new RegExp(`(?<![\\p{L}\\d_]|there )(?:${pattern})(?![\\p{L}\\d_])`, 'u');
  return {
    name: `private word ${forms[0]}`,
    instead: `write in the words of docs/glossary.md and of the field: ${instead}`,
    forms,
    appliesTo: isOurs,
    find: (source: string) => linesThat(source, (line) => expression.test(line)),
  };
});

/** A regular expression for a word, also at the beginning of a sentence. */
function escaped(word: string): string {
  const [first = '', rest] = [word.slice(0, 1), word.slice(1).replaceAll('.', String.raw`\.`)];
  return `[${first}${first.toUpperCase()}]${rest}`;
}

export const RULES: readonly Rule[] = [
  {
    name: 'first sentence',
    instead: 'begin the file with a comment whose first sentence states what the file is',
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
    instead: `split it by subject: a file has at most ${FILE_LINES_MAX} lines`,
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
    instead: 'change the code so that the checker accepts it',
    appliesTo: isTs,
    find: (source) => linesThat(source, (line) => SUPPRESSIONS.some((word) => line.includes(word))),
  },
  {
    name: 'unknown kind of file',
    instead: 'use a kind of file that the project has, or add this one to KINDS with its purpose',
    appliesTo: () => true,
    find: (_, file) => (isKnownKind(file) ? [] : [1]),
  },
  {
    name: 'large file',
    instead: `generate it in the test, or keep what is needed: a file has at most ${FILE_BYTES_MAX / 1024} KiB`,
    appliesTo: (file) => !Object.hasOwn(LARGE_FILES, file),
    find: (source) => (Buffer.byteLength(source) > FILE_BYTES_MAX ? [1] : []),
  },
  ...PRIVATE_WORD_RULES,
];

/** The violations in a set of files, as sentences that name the replacement. */
export function untidy(files: ReadonlyMap<string, string>, rules = RULES): string[] {
  return [...files].flatMap(([file, source]) =>
    rules
      .filter(({ appliesTo }) => appliesTo(file))
      .flatMap(({ name, instead, find }) =>
        find(source, file).map((line) => `${file}:${line} ${name}: ${instead}`),
      ),
  );
}

function isKnownKind(file: string): boolean {
  return NAMES.includes(file) || SCRIPTS.test(file) || Object.hasOwn(KINDS, posix.extname(file));
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

function linesWith(source: string, wholeWords: readonly string[]): number[] {
  const expression = new RegExp(`(?<![\\p{L}\\d_])(?:${wholeWords.join('|')})(?![\\p{L}\\d_])`, 'u');
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
