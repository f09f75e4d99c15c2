// Finds the functions in a TypeScript source and their lengths.

import { type Token, tokensOf } from './tokens.ts';

export interface FunctionSpan {
  /** The first line of its body. */
  readonly line: number;
  /** The number of lines of its body, including braces. */
  readonly lines: number;
}

const CONTROL = new Set('if for while switch catch with case await'.split(' '));
const NO_TYPE = new Set(
  'class interface extends implements else try finally do return const let static'.split(' '),
);
const TYPE_MARKS = new Set('. | & < > ? [ ] , ( ) =>'.split(' '));
/** The marks that can end parameters or a return type; after any other mark a brace opens an object or a type. */
const BEFORE_BODY = new Set([')', ']', '}', '>']);
const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** The functions with a body in braces, except callbacks of `describe`, which only group tests. */
export function functionsOf(source: string): FunctionSpan[] {
  const tokens = tokensOf(source);
  const spans: FunctionSpan[] = [];
  const open: { index: number; counts: boolean }[] = [];
  const openings = new Map<number, number>();

  tokens.forEach(({ kind, value, line }, index) => {
    if (kind !== 'mark') return;
    if ('([{'.includes(value)) {
      const counts =
        value === '{' && opensBody(tokens, openings, index) && !isGroup(tokens, open.at(-1)?.index);
      open.push({ index, counts });
    } else if (value in CLOSING) {
      const begin = open.pop();
      if (begin === undefined) return;
      openings.set(index, begin.index);
      const first = tokens[begin.index]?.line ?? line;
      if (begin.counts) spans.push({ line: first, lines: line - first + 1 });
    }
  });
  return spans;
}

function opensBody(tokens: readonly Token[], openings: ReadonlyMap<number, number>, brace: number): boolean {
  const before = tokens[brace - 1];
  if (before?.value === '=>') return true;
  if (before?.kind === 'mark' && !BEFORE_BODY.has(before.value)) return false;
  const end = parametersEnd(tokens, openings, brace);
  const begin = end === undefined ? undefined : openings.get(end);
  return begin !== undefined && !CONTROL.has(tokens[begin - 1]?.value ?? '');
}

/** The `)` of the parameters before a brace, skipping a return type. */
function parametersEnd(
  tokens: readonly Token[],
  openings: ReadonlyMap<number, number>,
  brace: number,
): number | undefined {
  if (tokens[brace - 1]?.value === ')') return brace - 1;
  let angles = 0;
  for (let at = brace - 1; at > 0; at -= 1) {
    const { kind, value } = tokens[at] ?? { kind: 'mark', value: '' };
    if (kind === 'mark' && value === ':' && tokens[at - 1]?.value === ')') return at - 1;
    if (kind === 'word' && NO_TYPE.has(value)) return undefined;
    if (value === '>') angles += 1;
    if (value === '<') angles -= 1;
    const isLiteral = value === '}' && (angles > 0 || at === brace - 1);
    if (kind === 'mark' && !TYPE_MARKS.has(value) && !isLiteral) return undefined;
    if (kind === 'mark' && value in CLOSING) at = openings.get(at) ?? 0;
  }
  return undefined;
}

function isGroup(tokens: readonly Token[], enclosing: number | undefined): boolean {
  return enclosing !== undefined && tokens[enclosing - 1]?.value === 'describe';
}
