// Reads the words of one file one by one, and makes of them what stands in statements, with their comments.
import type { Finding, Place, Severity } from '../../text/source.ts';
import { fullSpelling, isKeyword, type Keyword } from './keywords.ts';
import { inCapitals, type Lexer, type Token } from './lexer.ts';
import type { Written } from './statements.ts';

/** What is wrong with an entry: it ends the reading of the entry. */
export class Problem extends Error {
  readonly finding: Finding;
  /** Finds the hint, which takes long: it is asked for only if the problem is told. */
  readonly findHint: (() => string) | undefined;
  /** z/OS passes over the rest of the list: a syntax error, and not one of meaning. */
  readonly endsList: boolean;

  constructor(finding: Finding, endsList: boolean, findHint?: () => string) {
    super(finding.message);
    this.finding = finding;
    this.findHint = findHint;
    this.endsList = endsList;
  }
}

/** A word as it is shown in a message. */
export const quoted = (text: string): string => `"${text.length > 40 ? `${text.slice(0, 39)}…` : text}"`;

/** The columns 73 to 80 of a record of 80 characters: where editors put sequence numbers. */
const SEQUENCE_COLUMN = 73;

/** "Sequence numbers are not allowed." */
function isSequenceNumber({ raw, column }: Token): boolean {
  return column === SEQUENCE_COLUMN && /^[0-9]{8}$/.test(raw);
}

/** What is wrong with a word wherever it stands; undefined if nothing is. */
export function mistakenHint(token: Token): string | undefined {
  if (isSequenceNumber(token)) return 'Sequence numbers are not allowed in a profile.';
  return token.raw.indexOf(';') > 0 ? 'A comment needs a blank in front of its semicolon.' : undefined;
}

/** "X was found and Y was expected" (EZZ0318I). */
export function syntaxProblem(
  token: Token,
  expected: string,
  hint: string | (() => string) = '',
  code = 'SYNTAX',
): Problem {
  const message = `${quoted(token.raw)} was found and ${expected} was expected`;
  const better = mistakenHint(token) ?? hint;
  const [known, findHint] = typeof better === 'string' ? [better] : ['', better];
  return new Problem(errorAt(token.place, code, message, known, 'EZZ0318I'), true, findHint);
}

/** The text ended where something was to follow. */
function endProblem(place: Place, expected: string): Problem {
  const message = `the file ends here, and ${expected} was expected`;
  return new Problem(errorAt(place, 'SYNTAX', message, '', 'EZZ0318I'), true);
}

/** Something that is written as it should be and cannot be. */
export function meaningProblem(
  token: Token,
  code: string,
  message: string,
  hint = '',
  zos?: string,
): Problem {
  return new Problem(errorAt(token.place, code, message, hint, zos), false);
}

/** An error as a finding. */
export function errorAt(place: Place, code: string, message: string, hint = '', zos?: string): Finding {
  return { severity: 'error', code, message, hint, place, ...(zos === undefined ? {} : { zos }) };
}

/** Says how many findings of a severity are not told one by one. */
export function moreFindings(severity: Severity, count: number, place: Place): Finding {
  return { severity, code: 'MORE', message: `${count} more ${severity}s are not shown`, hint: '', place };
}

/** So many words that were read are kept before they are let go, and as many as there are behind them. */
const READ_MAX = 4096;

/** The words of a file, and a record of those that were read for an entry. */
export class Reader {
  readonly #lexer: Lexer;
  readonly #file: string;
  /** The words that are kept: the one that was read last, those of the entry, and those that were looked at. */
  readonly #tokens: Token[] = [];
  /** How many words are in front of those that are kept. */
  #before = 0;
  /** Where words are that were looked for: the next place of each, or Infinity. */
  readonly #found = new Map<string, number>();
  #at = 0;
  #entryAt = 0;
  readonly #words: string[] = [];

  constructor(lexer: Lexer, file: string) {
    this.#lexer = lexer;
    this.#file = file;
  }

  /** The next word, or the one behind it; undefined at the end. */
  peek(ahead = 0): Token | undefined {
    const at = this.#at + ahead;
    while (at >= this.#tokens.length) {
      const token = this.#lexer.next();
      if (!token) return undefined;
      this.#tokens.push(token);
    }
    return this.#tokens[at];
  }

  /** Whether this word is the next one or comes anywhere behind it. */
  has(word: string): boolean {
    const from = this.#before + this.#at;
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

  /** Where the text ends, for a message. */
  get endPlace(): Place {
    const last = this.last?.place;
    if (!last) return { file: this.#file, line: 1, column: 1, length: 0 };
    return { ...last, column: last.column + last.length, length: 0 };
  }

  /** From now on words belong to a new entry. */
  begin(): void {
    if (this.#at > READ_MAX && this.#at > this.#tokens.length / 2) this.#letGo(this.#at - 1);
    this.#entryAt = this.#at;
    this.#words.length = 0;
  }

  #letGo(count: number): void {
    this.#tokens.splice(0, count);
    this.#before += count;
    this.#at -= count;
  }

  /** Reads a word that is an argument: it is kept as it stands, in capitals. */
  take(expected: string): Token {
    const token = this.peek();
    if (!token) throw endProblem(this.endPlace, expected);
    if (isSequenceNumber(token)) throw syntaxProblem(token, expected);
    this.#at++;
    this.#words.push(token.raw.includes('&') ? inCapitals(token.raw) : token.word);
    return token;
  }

  /** The last word of the entry is to be written in another way: another spelling, or case kept. */
  respell(text: string): void {
    this.#words[this.#words.length - 1] = text;
  }

  /** Whether the next word can be a keyword at all: each begins with a letter, and what follows is mostly a number. */
  hasKeyword(): boolean {
    const code = this.peek()?.word.charCodeAt(0) ?? 0;
    return code >= LETTER_A && code <= LETTER_Z;
  }

  /** Reads the next word if it is one of these keywords; gives which. */
  takeKeyword<Name extends Keyword>(...keywords: readonly Name[]): Name | undefined {
    const word = this.peek()?.word;
    if (word === undefined || !this.hasKeyword()) return undefined;
    const keyword = keywords.find((one) => isKeyword(word, one));
    if (keyword === undefined) return undefined;
    this.#at++;
    this.#words.push(fullSpelling(keyword));
    return keyword;
  }

  /** Passes over a word. */
  skip(): void {
    this.#at++;
  }

  /** What was read since begin(). */
  written(isPassedOver: boolean): Written {
    const first = this.#at > this.#entryAt ? this.#tokens[this.#entryAt] : undefined;
    const place = first?.place ?? this.endPlace;
    const above = first?.above ?? [];
    return { place, words: this.#words.slice(), above, beside: this.#beside(), isPassedOver };
  }

  #beside(): readonly string[] {
    let beside: string[] | undefined;
    for (let at = this.#entryAt; at < this.#at; at++) {
      const token = this.#tokens[at];
      if (!token || (token.after === undefined && (at === this.#entryAt || token.above.length === 0)))
        continue;
      beside ??= [];
      if (at > this.#entryAt) for (const comment of token.above) if (comment !== '') beside.push(comment);
      if (token.after !== undefined) beside.push(token.after);
    }
    return beside ?? NO_COMMENTS;
  }
}

const NO_COMMENTS: readonly string[] = [];
const LETTER_A = 65;
const LETTER_Z = 90;
