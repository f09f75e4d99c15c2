// A cursor over the words of one file: lookahead, keywords, and a record of the words and comments of each entry.
import type { Finding, Place, Severity } from '../../text/source.ts';
import { fullSpelling, isKeyword, type Keyword } from './keywords.ts';
import { type Lexer, type Token, toUpperAscii } from './lexer.ts';
import type { Written } from './statements.ts';

/** An error in an entry, thrown to stop parsing the entry. */
export class Problem extends Error {
  readonly finding: Finding;
  /** Computes the hint, which is slow: called only if the problem is reported. */
  readonly findHint: (() => string) | undefined;
  /** A syntax error, after which z/OS ignores the rest of the list; false for a semantic error. */
  readonly abandonsList: boolean;

  constructor(finding: Finding, abandonsList: boolean, findHint?: () => string) {
    super(finding.message);
    this.finding = finding;
    this.findHint = findHint;
    this.abandonsList = abandonsList;
  }
}

/** A word in a message. */
export const quoted = (text: string): string => `"${text.length > 40 ? `${text.slice(0, 39)}…` : text}"`;

/** Editors put sequence numbers in columns 73 to 80 of a record. */
const SEQUENCE_COLUMN = 73;

/** "Sequence numbers are not allowed." */
function isSequenceNumber({ raw, column }: Token): boolean {
  return column === SEQUENCE_COLUMN && /^[0-9]{8}$/.test(raw);
}

/** Parameters that are often written without their statement. */
const STATEMENTS_OF: Readonly<Record<string, string>> = {
  EPHEMERALPORTS: 'TCPCONFIG and UDPCONFIG',
  RESTRICTLOWPORTS: 'TCPCONFIG and UDPCONFIG',
  UNRESTRICTLOWPORTS: 'TCPCONFIG and UDPCONFIG',
  EXPLICITBINDPORTRANGE: 'GLOBALCONFIG',
};

/** A hint for mistakes that are common anywhere in a profile; undefined if there is none. */
export function commonMistakeHint(token: Token): string | undefined {
  const statement = Object.hasOwn(STATEMENTS_OF, token.word) ? STATEMENTS_OF[token.word] : undefined;
  if (statement !== undefined) return `${token.word} is a parameter of ${statement}.`;
  if (isSequenceNumber(token)) return 'Remove the sequence numbers: they are not allowed in a profile.';
  return token.raw.indexOf(';') > 0 ? 'Put a blank before the semicolon of a comment.' : undefined;
}

/** "X was found and Y was expected" (EZZ0318I). */
export function syntaxProblem(
  token: Token,
  expected: string,
  hint: string | (() => string) = '',
  code = 'SYNTAX',
): Problem {
  const message = `${quoted(token.raw)} was found and ${expected} was expected`;
  const better = commonMistakeHint(token) ?? hint;
  const [known, findHint] = typeof better === 'string' ? [better] : ['', better];
  return new Problem(errorAt(token.place, code, message, known, 'EZZ0318I'), true, findHint);
}

function endProblem(place: Place, expected: string): Problem {
  const message = `end of file was found and ${expected} was expected`;
  return new Problem(errorAt(place, 'SYNTAX', message, '', 'EZZ0318I'), true);
}

/** A value that is well formed but not legal here. */
export function semanticProblem(
  token: Token,
  code: string,
  message: string,
  hint = '',
  zos?: string,
): Problem {
  return new Problem(errorAt(token.place, code, message, hint, zos), false);
}

export function errorAt(place: Place, code: string, message: string, hint = '', zos?: string): Finding {
  return { severity: 'error', code, message, hint, place, ...(zos === undefined ? {} : { zos }) };
}

/** States how many findings of a severity are not shown. */
export function moreFindings(severity: Severity, count: number, place: Place): Finding {
  return { severity, code: 'MORE', message: `${count} more ${severity}s are not shown`, hint: '', place };
}

/** Words already read are discarded when there are more than this, and at least half of the buffer. */
const READ_MAX = 4096;

/** The words of a file, and a record of those that belong to the current entry. */
export class Reader {
  readonly #lexer: Lexer;
  readonly #file: string;
  /** The buffered words: the last one read, those of the entry, and the lookahead. */
  readonly #tokens: Token[] = [];
  /** The number of words discarded before the buffer. */
  #discarded = 0;
  /** The next position of each word that was searched for, or Infinity. */
  readonly #found = new Map<string, number>();
  #at = 0;
  #entryAt = 0;
  readonly #words: string[] = [];

  constructor(lexer: Lexer, file: string) {
    this.#lexer = lexer;
    this.#file = file;
  }

  /** The next word, or one `ahead` of it; undefined at the end. */
  peek(ahead = 0): Token | undefined {
    const at = this.#at + ahead;
    while (at >= this.#tokens.length) {
      const token = this.#lexer.next();
      if (!token) return undefined;
      this.#tokens.push(token);
    }
    return this.#tokens[at];
  }

  /** Whether this word occurs anywhere in the rest of the file. */
  has(word: string): boolean {
    const from = this.#discarded + this.#at;
    const known = this.#found.get(word) ?? -1;
    if (known >= from) return known !== Number.POSITIVE_INFINITY;
    for (let ahead = 0; ; ahead++) {
      const token = this.peek(ahead);
      if (token && token.word !== word) continue;
      this.#found.set(word, token ? from + ahead : Number.POSITIVE_INFINITY);
      return token !== undefined;
    }
  }

  /** The word that was read last. */
  get last(): Token | undefined {
    return this.#tokens[this.#at - 1];
  }

  /** The place after the last word, for a message. */
  get endPlace(): Place {
    const last = this.last?.place;
    if (!last) return { file: this.#file, line: 1, column: 1, length: 0 };
    return { ...last, column: last.column + last.length, length: 0 };
  }

  /** Starts a new entry. */
  begin(): void {
    if (this.#at > READ_MAX && this.#at > this.#tokens.length / 2) this.#discard(this.#at - 1);
    this.#entryAt = this.#at;
    this.#words.length = 0;
  }

  #discard(count: number): void {
    this.#tokens.splice(0, count);
    this.#discarded += count;
    this.#at -= count;
  }

  /** Reads an argument. It is recorded in upper case, with its symbols not replaced. */
  take(expected: string): Token {
    const token = this.peek();
    if (!token) throw endProblem(this.endPlace, expected);
    if (isSequenceNumber(token)) throw syntaxProblem(token, expected);
    this.#at++;
    this.#words.push(token.raw.includes('&') ? toUpperAscii(token.raw) : token.word);
    return token;
  }

  /** Replaces the last recorded word, for example to keep its case. */
  replaceLast(text: string): void {
    this.#words[this.#words.length - 1] = text;
  }

  /** Whether the next word can be a keyword, which begins with a letter: a fast check, since most are numbers. */
  hasKeyword(): boolean {
    const code = this.peek()?.word.charCodeAt(0) ?? 0;
    return code >= LETTER_A && code <= LETTER_Z;
  }

  /** Reads the next word if it is one of these keywords, and returns the keyword. */
  takeKeyword<Name extends Keyword>(...keywords: readonly Name[]): Name | undefined {
    const word = this.peek()?.word;
    if (word === undefined || !this.hasKeyword()) return undefined;
    const keyword = keywords.find((one) => isKeyword(word, one));
    if (keyword === undefined) return undefined;
    this.#at++;
    this.#words.push(fullSpelling(keyword));
    return keyword;
  }

  skip(): void {
    this.#at++;
  }

  /** The words and comments read since begin(). */
  written(isIgnored: boolean): Written {
    const first = this.#at > this.#entryAt ? this.#tokens[this.#entryAt] : undefined;
    const place = first?.place ?? this.endPlace;
    const above = first?.above ?? [];
    return { place, words: this.#words.slice(), above, inline: this.#inlineComments(), isIgnored };
  }

  #inlineComments(): readonly string[] {
    let inline: string[] | undefined;
    for (let at = this.#entryAt; at < this.#at; at++) {
      const token = this.#tokens[at];
      if (!token || (token.after === undefined && (at === this.#entryAt || token.above.length === 0)))
        continue;
      inline ??= [];
      if (at > this.#entryAt) for (const comment of token.above) if (comment !== '') inline.push(comment);
      if (token.after !== undefined) inline.push(token.after);
    }
    return inline ?? NO_COMMENTS;
  }
}

const NO_COMMENTS: readonly string[] = [];
const LETTER_A = 65;
const LETTER_Z = 90;
