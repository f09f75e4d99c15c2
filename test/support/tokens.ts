// Splits TypeScript into tokens, as exactly as the tests that parse the project's source need.

export interface Token {
  /** `text` is a string or a part of a template without quotes. */
  readonly kind: 'word' | 'text' | 'regexp' | 'mark';
  readonly value: string;
  readonly line: number;
}

/** `=>` is one mark to distinguish a function from a comparison. */
const TOKEN = new RegExp(
  [
    String.raw`(?<skipped>\s+|//[^\n]*|/\*[\s\S]*?\*/)`,
    String.raw`(?<word>[\p{ID_Start}$_#@][\p{ID_Continue}$]*|\d[\w.]*)`,
    String.raw`'(?<single>(?:[^'\\\n]|\\[\s\S])*)'|"(?<double>(?:[^"\\\n]|\\[\s\S])*)"`,
    String.raw`(?<regexp>/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*)`,
    String.raw`(?<mark>=>|\?\.|[\s\S])`,
  ].join('|'),
  'uy',
);
const TEMPLATE_PIECE = /(?<piece>(?:[^`\\$]|\\[\s\S]|\$(?!\{))*)(?:`|\$\{|$)/uy;

/** After these words, as after most marks, a slash begins a regular expression. */
const BEFORE_REGEXP = new Set('return typeof case in of do else void delete throw await yield'.split(' '));

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  /** For each open `${`, the number of open braces in it. */
  const templates: number[] = [];
  let at = source.startsWith('#!') ? source.indexOf('\n') : 0;
  let line = 1;

  const take = (pattern: RegExp, length?: number): { text: string; groups: Record<string, string> } => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    const text = match?.[0].slice(0, length) ?? '';
    at += text.length;
    line += text.split('\n').length - 1;
    return { text, groups: match?.groups ?? {} };
  };
  const takePiece = (): void => {
    const start = line;
    const { text, groups } = take(TEMPLATE_PIECE);
    tokens.push({ kind: 'text', value: groups['piece'] ?? '', line: start });
    if (text.endsWith('${')) templates.push(0);
  };

  while (at < source.length) {
    const start = line;
    const slash = source[at] === '/' && !/[/*]/.test(source[at + 1] ?? '') && !beginsRegExp(tokens.at(-1));
    const { text, groups } = take(TOKEN, slash ? 1 : undefined);
    if (groups['skipped'] !== undefined) continue;
    const depth = templates.at(-1);
    if (text === '`') {
      takePiece();
    } else if (text === '}' && depth === 0) {
      templates.pop();
      takePiece();
    } else {
      if (depth !== undefined) templates[templates.length - 1] = depth + braceStep(text);
      tokens.push({ ...token(slash ? {} : groups, text), line: start });
    }
  }
  return tokens;
}

function token(groups: Record<string, string>, text: string): Omit<Token, 'line'> {
  const quoted = groups['single'] ?? groups['double'];
  if (quoted !== undefined) return { kind: 'text', value: quoted };
  if (groups['word'] !== undefined) return { kind: 'word', value: text };
  return { kind: groups['regexp'] === undefined ? 'mark' : 'regexp', value: text };
}

function braceStep(text: string): number {
  if (text === '{') return 1;
  return text === '}' ? -1 : 0;
}

function beginsRegExp(before: Token | undefined): boolean {
  if (before === undefined) return true;
  if (before.kind === 'word') return BEFORE_REGEXP.has(before.value);
  return before.kind === 'mark' && ![')', ']', '}'].includes(before.value);
}
