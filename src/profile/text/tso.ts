// The form of TSO commands: one on a line, continued by - or +, with comments, and lists in parentheses.
import { Comments } from '../../text/comments.ts';
import type { Findings, Span } from '../../text/findings.ts';

/** A word; in quotes, what stands between them. */
export interface TsoWord extends Span {
  readonly kind: 'word';
  readonly text: string;
  readonly isQuoted: boolean;
}

/** What stands between parentheses. */
interface TsoList extends Span {
  readonly kind: 'list';
  readonly items: readonly TsoItem[];
}

export type TsoItem = TsoWord | TsoList;

/** A command: its name and what follows, keywords apart from their lists. */
export interface TsoCommand {
  readonly name: TsoWord;
  readonly items: readonly TsoItem[];
}

/** Lists within lists; commands of RACF have no more than three. */
const DEPTH_MAX = 8;

/** A character that continues a line: the last one of it but for blanks. */
const CONTINUATION = /[-+][ \t\r]*(?:\n|$)/y;
const LEADING_SEPARATORS = /[ \t\r,]*/y;
/** Characters of a word that cannot be the end of it, so that most of a word is passed over at once. */
const PLAIN = /[^\s,()'/+-]+/y;

/**
 * The commands of a text, one by one. A command that is not whole is told and left out; the next one is not harmed.
 * Blanks, tabs and commas separate words, and a comment acts as a blank. A line that begins with // is a comment too
 * (RACF parameter library).
 */
export function* tsoCommands(text: string, findings: Findings): Generator<TsoCommand> {
  const reader = new TsoReader(text, findings);
  for (let command = reader.next(); command !== 'end'; command = reader.next()) {
    if (command !== 'broken') yield command;
  }
}

type Growing = { readonly items: TsoItem[]; readonly start: number };

class TsoReader {
  readonly #text: string;
  readonly #findings: Findings;
  readonly #comments: Comments;
  #at = 0;
  #isBroken = false;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
    this.#comments = new Comments(text);
  }

  next(): TsoCommand | 'broken' | 'end' {
    if (!this.#toCommand()) return 'end';
    const start = this.#at;
    const [name, ...items] = this.#items();
    if (name?.kind !== 'word' || name.isQuoted) {
      this.#problem({ start, end: start + 1 }, 'a command begins with its name');
      return 'broken';
    }
    return this.#isBroken ? 'broken' : { name, items };
  }

  /** Passes over what is between commands; false at the end of the text. */
  #toCommand(): boolean {
    const text = this.#text;
    while (this.#at < text.length) {
      this.#isBroken = false;
      const char = text[this.#at] ?? '';
      if (char === '\n' || isSeparator(char)) this.#at++;
      else if (text.startsWith('//', this.#at)) this.#at = this.#comments.lineEnd(this.#at);
      else if (this.#comments.beginsAt(this.#at)) this.#comment();
      else if (!this.#continues()) return true;
    }
    return false;
  }

  /** What stands up to the end of the command. */
  #items(): TsoItem[] {
    const items: TsoItem[] = [];
    const open: Growing[] = [{ items, start: this.#at }];
    let tooDeep = 0;
    while (!this.#isAtEnd()) {
      const char = this.#text[this.#at] ?? '';
      const span = { start: this.#at, end: this.#at + 1 };
      if (isSeparator(char)) this.#at++;
      else if (this.#comments.beginsAt(this.#at)) this.#comment();
      else if (char === '(') {
        this.#at++;
        if (open.length <= DEPTH_MAX) open.push({ items: [], start: span.start });
        else tooDeep++;
        if (tooDeep > 0) this.#problem(span, `lists stand in lists, more than ${DEPTH_MAX} deep`);
      } else if (char === ')') {
        this.#at++;
        if (tooDeep > 0) tooDeep--;
        else this.#closeList(open, span);
      } else open.at(-1)?.items.push(this.#word());
    }
    const unclosed = open[1];
    if (unclosed) this.#unclosed({ start: unclosed.start, end: unclosed.start + 1 }, 'this ( is not closed');
    return items;
  }

  #closeList(open: Growing[], span: Span): void {
    const list = open.length > 1 ? open.pop() : undefined;
    if (list) open.at(-1)?.items.push({ kind: 'list', items: list.items, start: list.start, end: span.end });
    else this.#problem(span, 'this ) closes nothing');
  }

  #word(): TsoWord {
    if (this.#text[this.#at] === "'") return this.#quoted();
    const start = this.#at;
    let end = start;
    let word = '';
    while (!this.#isAtEnd() && !this.#endsWord()) {
      PLAIN.lastIndex = this.#at;
      const from = this.#at;
      this.#at = PLAIN.test(this.#text) ? PLAIN.lastIndex : from + 1;
      word += this.#text.slice(from, this.#at);
      end = this.#at;
    }
    return { kind: 'word', text: word, isQuoted: false, start, end };
  }

  #endsWord(): boolean {
    const char = this.#text[this.#at] ?? '';
    return (
      isSeparator(char) || char === '(' || char === ')' || char === "'" || this.#comments.beginsAt(this.#at)
    );
  }

  /** Two quotes in quotes are one. */
  #quoted(): TsoWord {
    const start = this.#at++;
    let word = '';
    while (!this.#isAtEnd()) {
      const char = this.#text[this.#at++] ?? '';
      if (char !== "'") word += char;
      else if (this.#text[this.#at] === "'") word += this.#text[this.#at++];
      else return { kind: 'word', text: word, isQuoted: true, start, end: this.#at };
    }
    this.#unclosed({ start, end: start + 1 }, 'this quote is not closed');
    return { kind: 'word', text: word, isQuoted: true, start, end: this.#at };
  }

  /** Passes over a comment. One that is not closed ends with its line, as in TSO. */
  #comment(): void {
    const span = { start: this.#at, end: this.#at + 2 };
    const { end, lineEnd, holdsAnother } = this.#comments.at(this.#at);
    this.#at = end === undefined || holdsAnother ? lineEnd : end;
    if (end === undefined) this.#problem(span, 'this comment is not closed', 'A comment ends with */');
    else if (holdsAnother) this.#problem(span, 'another comment begins before this one is closed');
  }

  /** Goes over to the next line if this one is continued here. */
  #isAtEnd(): boolean {
    let isContinued = this.#continues();
    while (isContinued) isContinued = this.#continues();
    return this.#at >= this.#text.length || this.#text[this.#at] === '\n';
  }

  /** Passes over a continuation; + takes the separators that the next line begins with along. */
  #continues(): boolean {
    const char = this.#text[this.#at];
    if (char !== '-' && char !== '+') return false;
    const start = this.#at;
    CONTINUATION.lastIndex = start;
    if (!CONTINUATION.test(this.#text)) return false;
    this.#at = CONTINUATION.lastIndex;
    if (char === '+') {
      LEADING_SEPARATORS.lastIndex = this.#at;
      LEADING_SEPARATORS.test(this.#text);
      this.#at = LEADING_SEPARATORS.lastIndex;
    }
    if (this.#at >= this.#text.length) {
      this.#problem({ start, end: start + 1 }, `this ${char} continues the line, and the file ends`);
    }
    return true;
  }

  #unclosed(span: Span, message: string): void {
    this.#problem(span, message, 'A line whose last character is - or + is continued by the next one.');
  }

  /** A command has one such problem at most: what follows from it is not told. */
  #problem(span: Span, message: string, hint = ''): void {
    if (!this.#isBroken) this.#findings.error(span, { code: 'SYNTAX', message, hint });
    this.#isBroken = true;
  }
}

function isSeparator(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === ',';
}
