// The lexer of profiles: words separated by blanks, comments after a semicolon, system symbols replaced.
import type { Place } from '../../text/source.ts';

/** The position of a word, and the comments next to it. */
type TokenContext = Omit<Token, 'raw' | 'word' | 'end' | 'place'>;

/** A word with its position and the comments next to it. */
export class Token {
  /** As written. */
  readonly raw: string;
  /** In upper case, with symbols replaced. */
  readonly word: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Offset in the text. */
  readonly start: number;
  /** The comments on the lines above it, with '' for blank lines between them. */
  readonly above: readonly string[];
  /** A comment after it on its line. */
  readonly after: string | undefined;
  readonly isFirstOfLine: boolean;

  constructor({ raw, word }: Spelling, context: TokenContext) {
    this.raw = raw;
    this.word = word;
    this.file = context.file;
    this.line = context.line;
    this.column = context.column;
    this.start = context.start;
    this.above = context.above;
    this.after = context.after;
    this.isFirstOfLine = context.isFirstOfLine;
  }

  get end(): number {
    return this.start + this.raw.length;
  }

  get place(): Place {
    return { file: this.file, line: this.line, column: this.column, length: this.raw.length };
  }
}

/** The values of system symbols, by name in upper case. */
export type Symbols = Readonly<Record<string, string>>;

/** A symbol in a word: "&SYSNAME."; the period is optional. */
const SYMBOL = /&([A-Z@#$][A-Z0-9@#$_]*)\.?/gi;

const TAB = 9;
const LINE_FEED = 10;
const BLANK = 32;
const DOUBLE_QUOTE = 34;
const APOSTROPHE = 39;
const SEMICOLON = 59;

const NO_COMMENTS: readonly string[] = [];

const ASCII = /^[\0-\x7f]*$/;

/** Converts only a to z: toUpperCase() would also convert other letters, some of them to A to Z. */
export function toUpperAscii(text: string): string {
  return ASCII.test(text) ? text.toUpperCase() : text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** A word as written, and in upper case with symbols replaced. */
interface Spelling {
  readonly raw: string;
  readonly word: string;
}

/** The maximum number of different words that are interned. */
const SPELLINGS_MAX = 65536;

/** Splits a text into words, one at a time. Lines end with a line feed. */
export class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #symbols: Symbols;
  readonly #symbolUnknown: (name: string, place: Place) => void;
  readonly #spellings = new Map<string, Spelling>();
  #at = 0;
  #comments: string[] = [];
  #line = 1;
  #lineStart = 0;
  #isFirstOfLine = true;
  #isBlankLine = true;

  /** `symbolUnknown` is called for each word with an unknown symbol. */
  constructor(
    text: string,
    file: string,
    symbols: Symbols,
    symbolUnknown: (name: string, place: Place) => void,
  ) {
    this.#text = text;
    this.#file = file;
    this.#symbols = symbols;
    this.#symbolUnknown = symbolUnknown;
  }

  /** The next word; undefined at the end. */
  next(): Token | undefined {
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === LINE_FEED) this.#endLine();
      else if (isBlank(code)) this.#at++;
      else if (code === SEMICOLON) this.#comments.push(this.#comment());
      else return this.#token();
    }
    return undefined;
  }

  /** At the end: the comments after the last word. */
  get below(): readonly string[] {
    return this.#comments.at(-1) === '' ? this.#comments.slice(0, -1) : this.#comments;
  }

  #endLine(): void {
    // Blank lines are kept only between comments, several as one.
    if (this.#isBlankLine && this.#comments.length > 0 && this.#comments.at(-1) !== '')
      this.#comments.push('');
    this.#line++;
    this.#lineStart = ++this.#at;
    this.#isFirstOfLine = true;
    this.#isBlankLine = true;
  }

  #comment(): string {
    const lineEnd = this.#text.indexOf('\n', this.#at);
    const end = lineEnd < 0 ? this.#text.length : lineEnd;
    const comment = this.#text.slice(this.#at, end).trimEnd();
    this.#at = end;
    this.#isBlankLine = false;
    return comment;
  }

  /** A comment belongs to the word before it on its line, otherwise to the next word. */
  #token(): Token {
    const start = this.#at;
    const column = start - this.#lineStart + 1;
    const above = this.#comments.length > 0 ? this.#comments : NO_COMMENTS;
    if (above.length > 0) this.#comments = [];
    this.#at = this.#endOfWord(start);
    const raw = this.#text.slice(start, this.#at);
    const spelling = raw.includes('&') ? this.#replaced(raw, column) : this.#spelling(raw);
    while (isBlank(this.#text.charCodeAt(this.#at))) this.#at++;
    const after = this.#text.charCodeAt(this.#at) === SEMICOLON ? this.#comment() : undefined;
    const isFirstOfLine = this.#isFirstOfLine;
    this.#isFirstOfLine = false;
    this.#isBlankLine = false;
    const context = { file: this.#file, line: this.#line, column, start, above, after, isFirstOfLine };
    return new Token(spelling, context);
  }

  #spelling(raw: string): Spelling {
    const known = this.#spellings.get(raw);
    if (known) return known;
    const spelling = { raw, word: toUpperAscii(raw) };
    if (this.#spellings.size < SPELLINGS_MAX) this.#spellings.set(raw, spelling);
    return spelling;
  }

  /** A semicolon within a word is part of it: a comment needs a preceding blank. A quoted word may contain blanks. */
  #endOfWord(at: number): number {
    const text = this.#text;
    const quote = text.charCodeAt(at);
    if (quote === DOUBLE_QUOTE || quote === APOSTROPHE) {
      for (let i = at + 1; i < text.length && text.charCodeAt(i) !== LINE_FEED; i++) {
        if (text.charCodeAt(i) === quote) return i + 1;
      }
    }
    let end = at + 1;
    while (end < text.length && !isBlank(text.charCodeAt(end)) && text.charCodeAt(end) !== LINE_FEED) end++;
    return end;
  }

  #replaced(raw: string, column: number): Spelling {
    const place = { file: this.#file, line: this.#line, column, length: raw.length };
    const replaced = raw.replace(SYMBOL, (whole, name: string) => {
      const value = this.#symbols[name.toUpperCase()];
      if (value === undefined) this.#symbolUnknown(name.toUpperCase(), place);
      return value ?? whole;
    });
    return { raw, word: toUpperAscii(replaced) };
  }
}

function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}
