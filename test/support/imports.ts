/**
 * The import table, which defines what each module of src may import, and the check of the sources against it. As a
 * program it prints the table.
 */

import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { type Token, tokensOf } from './tokens.ts';

export interface Rule {
  /** A file or folder of src. The rule with the longest matching path applies to a file. */
  readonly module: string;
  /**
   * Files and folders of src, packages, `node:` modules or `node:*`. `type X` permits only `import type`
   * of X, `dynamic X` only `import(X)`. Imports within the module are always permitted.
   */
  readonly may: readonly string[];
  /** The reason for the restriction. */
  readonly why: string;
}

/** The features in order: each may import those to its left, and none to its right. */
export const FEATURES = [
  'job',
  'names',
  'sockets',
  'portmap',
  'profile',
  'guard',
  'lease',
  'doctor',
] as const;

const INTERFACES = ['host/host.ts', 'host/kernel.ts'];
const PURE = ['base', 'wire', 'text', 'bpf'];
const EVERYTHING = [...PURE, 'host', 'kit', 'node:*'];

const FOUNDATION: readonly Rule[] = [
  { module: 'base', may: [], why: 'values depend on nothing' },
  { module: 'wire', may: ['base'], why: 'codecs are pure: they run in a fuzzer and in a simulation' },
  { module: 'text', may: ['base'], why: 'codecs are pure: they run in a fuzzer and in a simulation' },
  { module: 'bpf', may: ['base'], why: 'it assembles programs; what they decide belongs to their features' },
  { module: 'host', may: ['base'], why: 'it declares interfaces; linux/ implements them' },
  {
    module: 'host/linux',
    may: ['base', 'wire', ...INTERFACES, 'node:*'],
    why: 'it has effects and makes no decisions; only host/linux/sys calls koffi',
  },
  {
    module: 'host/linux/sys',
    may: ['base', 'wire', ...INTERFACES, 'node:*', 'koffi'],
    why: 'it makes system calls and does not know its callers',
  },
  {
    module: 'kit',
    may: [...PURE, 'host', 'node:*', 'commander', 'pino', 'zod', 'smol-toml'],
    why: 'every feature is built from it, so it does not know the features',
  },
];

/** A kind of folder in a feature: what it may import from its feature, from those to the left, and from elsewhere. */
interface Layer {
  readonly layer: string;
  readonly own: readonly string[];
  readonly left: readonly string[];
  readonly rest: readonly string[];
  readonly why: string;
}

const CODECS = ['text', 'wire', 'bpf'];

/** The files of commands that create the real dependencies: `deps.ts`, `events-deps.ts`, `guard-here.ts`. */
const DEPS = 'commands/deps';
const DEPS_FILE = /\/commands\/(?:[\w-]+-)?(?:deps|here)\.ts$/;

const LAYERS: readonly Layer[] = [
  ...CODECS.map((layer) => ({
    layer,
    own: CODECS,
    left: [...CODECS, 'core'],
    rest: PURE,
    why: 'codecs are pure: no host, no node, no clock',
  })),
  {
    layer: 'core',
    own: CODECS,
    left: [...CODECS, 'core'],
    rest: PURE,
    why: 'rules and state are pure: no host, no node, no clock',
  },
  {
    layer: 'linux',
    own: [...CODECS, 'core'],
    left: [...CODECS, 'core', 'linux'],
    rest: [...PURE, 'host', 'node:*'],
    why: 'it implements what core declares and makes no decisions',
  },
  {
    layer: 'client',
    own: CODECS,
    left: [],
    rest: ['base', 'wire', 'node:net', 'node:dgram'],
    why: 'the public library stays small and needs no root',
  },
  {
    layer: 'app',
    own: [...CODECS, 'core'],
    left: [...CODECS, 'core', 'app'],
    rest: [...PURE, ...INTERFACES, 'kit'],
    why: 'a use case receives the host as an argument',
  },
  {
    layer: 'daemon',
    own: [...CODECS, 'core', 'linux', 'app', 'client'],
    left: [...CODECS, 'core', 'linux', 'app', 'client', 'daemon'],
    rest: EVERYTHING,
    why: 'a daemon part is not a command',
  },
  {
    layer: 'commands',
    own: [...CODECS, 'core', 'app', 'client'],
    left: [...CODECS, 'core', 'app', 'client', 'commands'],
    rest: [...PURE, ...INTERFACES, 'kit', 'node:*'],
    why: 'a command does not load the daemon, and receives this host from a file called deps or here',
  },
  {
    layer: DEPS,
    own: [...CODECS, 'core', 'linux', 'app', 'client', 'commands'],
    left: [...CODECS, 'core', 'linux', 'app', 'client', 'commands'],
    rest: EVERYTHING,
    why: 'a command does not load the daemon',
  },
];

function rulesOf(feature: string, index: number): Rule[] {
  const left = FEATURES.slice(0, index);
  return LAYERS.map((layer) => ({
    module: `${feature}/${layer.layer}`,
    may: [
      ...layer.own.map((own) => `${feature}/${own}`),
      ...left.flatMap((each) => layer.left.map((folder) => `${each}/${folder}`)),
      ...layer.rest,
    ],
    why: layer.why,
  }));
}

const OTHERS: readonly Rule[] = [
  {
    module: 'doctor/commands/demo',
    may: [...EVERYTHING, 'profile', 'guard', 'doctor'],
    why: 'the demonstration creates its own network namespace, in its own processes',
  },
  {
    module: 'main',
    may: [...EVERYTHING, ...FEATURES, 'commander'],
    why: 'it puts the features together; other packages belong to kit',
  },
  { module: 'start.ts', may: ['dynamic main/compiled.ts'], why: 'an older Node must be able to parse it' },
];

/** Every rule: those of the foundation, of each folder of each feature, and of the other modules. */
export const TABLE: readonly Rule[] = [...FOUNDATION, ...FEATURES.flatMap(rulesOf), ...OTHERS];

/** The table in ARCHITECTURE.md: the foundation, the kinds of folders in a feature, and the other modules. */
export function importTable(): string {
  const rows = [
    ...FOUNDATION.map(({ module, may, why }) => [code(module), listed(may), why]),
    ...LAYERS.filter(({ layer }) => layer !== 'wire' && layer !== 'bpf').map(layerRow),
    ...OTHERS.map(({ module, may, why }) => [code(module), listed(may), why]),
  ];
  const lines = [['module', 'may import', 'not more, because'], ['---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** The row of a kind of folder. The codecs of a feature share one. */
function layerRow({ layer, own, left, rest, why }: Layer): string[] {
  const folders = CODECS.includes(layer) ? CODECS : [layer];
  const parts = [
    `of its feature ${listed(own)}`,
    left.length > 0 ? `of features to its left ${listed(left)}` : '',
  ];
  return [
    folders.map((folder) => `*feature*/${code(folder)}`).join(', '),
    [...parts, listed(rest)].filter((part) => part !== '').join('; '),
    why,
  ];
}

/** Formats names as a list, with a phrase for each complete group. */
function listed(names: readonly string[]): string {
  const words = new Set(names.map(code));
  for (const [group, members] of GROUPS) {
    if (!members.every((name) => words.has(code(name)))) continue;
    for (const name of members) words.delete(code(name));
    words.add(group);
  }
  return words.size === 0 ? 'nothing' : [...words].join(', ');
}

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['every feature', FEATURES],
  ['the pure foundation', PURE],
  ['the interfaces of `host`', INTERFACES],
  ['codecs', CODECS],
];

function code(name: string): string {
  return `\`${name}\``;
}

export interface Import {
  /** Undefined if the argument of `import()` is not a string literal. */
  readonly target: string | undefined;
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly line: number;
  /** The names under which the target exports them; `*` if the statement does not list them. */
  readonly names: readonly string[];
}

const LOADERS = new Set(['import', 'require', 'getBuiltinModule']);

/**
 * Finds every import, export-from and `import()` in a source. `import { type X } from` counts as an import of values,
 * because the import of the file remains after Node or tsc removes the types. So does the type `import('x').Y`, which
 * should be an `import type`.
 */
export function importsOf(source: string): Import[] {
  const tokens = tokensOf(source);
  return tokens.flatMap((token, index): Import[] => {
    if (token.kind !== 'word') return [];
    const next = tokens[index + 1];
    const isMember = ['.', '?.'].includes(tokens[index - 1]?.value ?? '');
    if (LOADERS.has(token.value) && isMark(next, '(')) return [dynamicImport(tokens, index)];
    if (isMember || isMark(next, '.')) return [];
    if (token.value !== 'import' && token.value !== 'export') return [];
    return beginsStatement(token, next, tokens[index + 2]) ? staticImport(tokens, index) : [];
  });
}

/** Whether a statement begins here, rather than a property named import or the export of a declaration. */
function beginsStatement(token: Token, next: Token | undefined, second: Token | undefined): boolean {
  if (isMark(next, '{') || isMark(next, '*')) return true;
  if (token.value === 'import') return next?.kind === 'word' || next?.kind === 'text';
  return next?.value === 'type' && (isMark(second, '{') || isMark(second, '*'));
}

function dynamicImport(tokens: readonly Token[], index: number): Import {
  const [argument, end] = tokens.slice(index + 2);
  const plain = argument?.kind === 'text' && (isMark(end, ')') || isMark(end, ','));
  const line = tokens[index]?.line ?? 0;
  return { target: plain ? argument.value : undefined, kind: 'dynamic', line, names: ['*'] };
}

/** Parses `import … from 'x'`, `export … from 'x'` and `import 'x'`. An export without `from` is not an import. */
function staticImport(tokens: readonly Token[], index: number): Import[] {
  const line = tokens[index]?.line ?? 0;
  let end = index + 1;
  let braces = 0;
  while (tokens[end]?.kind !== 'text') {
    const value = tokens[end]?.value;
    if (value === undefined || value === ';') return [];
    if (value === '{') braces += 1;
    if (value === '}') braces -= 1;
    // An export without `from` after its braces ends there.
    if (value === '}' && braces === 0 && tokens[end + 1]?.value !== 'from') return [];
    end += 1;
  }
  const [first, second] = tokens.slice(index + 1);
  const isType =
    first?.kind === 'word' && first.value === 'type' && (second?.value !== 'from' || end > index + 3);
  const kind = isType && second?.value !== ',' ? 'type' : 'value';
  return [{ target: tokens[end]?.value, kind, line, names: namesOf(tokens.slice(index + 1, end)) }];
}

/** The names between `import` and `from`. */
function namesOf(clause: readonly Token[]): string[] {
  const open = clause.findIndex((token) => isMark(token, '{'));
  const before = (open < 0 ? clause : clause.slice(0, open)).map(({ value }) => value);
  const outside = before.filter((value) => !['type', 'from', ','].includes(value));
  const whole = outside.includes('*') ? ['*'] : outside.map(() => 'default');
  return open < 0 ? whole : [...whole, ...listedNames(clause.slice(open + 1)).map(({ name }) => name)];
}

/** The names and local aliases of `{ a, type B as C }`, parsed from the token after the opening brace. */
export function listedNames(tokens: readonly Token[]): { name: string; alias: string; line: number }[] {
  const names: { name: string; alias: string; line: number }[] = [];
  let entry: Token[] = [];
  for (const token of tokens) {
    if (!isMark(token, ',') && !isMark(token, '}')) {
      entry.push(token);
      continue;
    }
    const words = entry.length > 1 && entry[0]?.value === 'type' ? entry.slice(1) : entry;
    const [first, last] = [words[0], words.at(-1)];
    if (first !== undefined && last !== undefined) {
      names.push({ name: first.value, alias: last.value, line: first.line });
    }
    if (isMark(token, '}')) break;
    entry = [];
  }
  return names;
}

function isMark(token: Token | undefined, value: string): boolean {
  return token?.kind === 'mark' && token.value === value;
}

/** Describes each forbidden import in a set of files, which are named by their path in src. */
export function forbiddenImports(files: ReadonlyMap<string, string>, table = TABLE): string[] {
  return [...files].flatMap(([file, source]) => {
    const rule = ruleOf(file, table);
    if (rule === undefined)
      return [`src/${file} belongs to no module of the table in test/support/imports.ts`];
    return importsOf(source).flatMap((found) => {
      const where = `src/${file}:${found.line}`;
      if (found.target === undefined) return [`${where} imports a computed name; write the name out`];
      const target = resolve(file, found.target);
      return isPermitted(rule, target, found.kind)
        ? []
        : [`${where} imports ${describe(found.kind, target)}: ${rule.module} may not, because ${rule.why}`];
    });
  });
}

function ruleOf(file: string, table: readonly Rule[]): Rule | undefined {
  const place = file.replace(DEPS_FILE, `/${DEPS}.ts`);
  return table
    .filter(({ module }) => isWithin(place, module))
    .toSorted((a, b) => b.module.length - a.module.length)[0];
}

function isPermitted(rule: Rule, target: string, kind: Import['kind']): boolean {
  if (isWithin(target, rule.module)) return true;
  return rule.may.some((entry) => {
    const [only, name] = entry.includes(' ') ? entry.split(' ', 2) : [kind, entry];
    if (only !== kind || name === undefined) return false;
    return name === 'node:*' ? target.startsWith('node:') : isWithin(target, name);
  });
}

/** `daemon/settings` is both the folder and the file settings.ts. */
function isWithin(target: string, name: string): boolean {
  return target === name || target === `${name}.ts` || target.startsWith(`${name}/`);
}

function resolve(file: string, target: string): string {
  if (target.startsWith('.')) return posix.join(posix.dirname(file), target);
  return isBuiltin(target) && !target.startsWith('node:') ? `node:${target}` : target;
}

function describe(kind: Import['kind'], target: string): string {
  return kind === 'value' ? target : `${target} (${kind})`;
}

if (import.meta.main) process.stdout.write(importTable());
