// The syntax of TSO commands: one per line, continued by - or +, with comments and lists in parentheses.
import { Comments } from '../../text/comments.ts';
import type { Findings, Span } from '../../text/findings.ts';

/** A word; the text of a quoted word is without its quotes. */
export interface TsoWord extends Span {
  readonly kind: 'word';
  readonly text: string;
  readonly isQuoted: boolean;
}

/** A list in parentheses. */
interface TsoList extends Span {
  readonly kind: 'list';
  readonly items: readonly TsoItem[];
}

export type TsoItem = TsoWord | TsoList;

/** A command: its name, and the words and lists that follow. */
export interface TsoCommand {
  readonly name: TsoWord;
  readonly items: readonly TsoItem[];
}

/** The maximum nesting of lists; RACF commands have at most three. */
const DEPTH_MAX = 8;

/** A continuation character: the last of its line except for blanks. */
const CONTINUATION = /[-+][ \t\r]*(?:\n|$)/y;
const LEADING_SEPARATORS = /[ \t\r,]*/y;
/** Characters that cannot end a word, so that most of a word is matched at once. */
const PLAIN = /[^\s,()'/+-]+/y;

/**
 * The commands of a text. An incomplete command is reported and skipped, and does not affect the next one. Blanks, tabs
 * and commas separate words, and a comment counts as a blank. A line that begins with // is a comment too (RACF
 * parameter library).
 */
export function* tsoCommands(text: string, findings: Findings): Generator<TsoCommand> {
  const reader = new TsoReader(text, findings);
  for (let command = reader.next(); command !== 'end'; command = reader.next()) {
    if (command !== 'broken') yield command;
  }
}

type OpenList = { readonly items: TsoItem[]; readonly start: number };

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

  /** Skips to the next command; false at the end of the text. */
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

  /** The words and lists up to the end of the command. */
  #items(): TsoItem[] {
    const items: TsoItem[] = [];
    const open: OpenList[] = [{ items, start: this.#at }];
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
        if (tooDeep > 0) this.#problem(span, `lists are nested more than ${DEPTH_MAX} deep`);
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

  #closeList(open: OpenList[], span: Span): void {
    const list = open.length > 1 ? open.pop() : undefined;
    if (list) open.at(-1)?.items.push({ kind: 'list', items: list.items, start: list.start, end: span.end });
    else this.#problem(span, 'this ) has no matching (');
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

  /** A doubled quote within quotes stands for one quote. */
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

  /** Skips a comment. An unclosed comment ends with its line, as in TSO. */
  #comment(): void {
    const span = { start: this.#at, end: this.#at + 2 };
    const { end, lineEnd, holdsAnother } = this.#comments.at(this.#at);
    this.#at = end === undefined || holdsAnother ? lineEnd : end;
    if (end === undefined) this.#problem(span, 'this comment is not closed', 'Close a comment with */');
    else if (holdsAnother) this.#problem(span, 'another comment begins before this one is closed');
  }

  /** Whether the command ends here; follows a continuation to the next line first. */
  #isAtEnd(): boolean {
    let isContinued = this.#continues();
    while (isContinued) isContinued = this.#continues();
    return this.#at >= this.#text.length || this.#text[this.#at] === '\n';
  }

  /** Skips a continuation; + also skips the separators at the beginning of the next line. */
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
      this.#problem({ start, end: start + 1 }, `this ${char} continues the line, but the file ends here`);
    }
    return true;
  }

  #unclosed(span: Span, message: string): void {
    this.#problem(span, message, 'A line whose last character is - or + is continued by the next one.');
  }

  /** Reports only the first problem of a command, since others may follow from it. */
  #problem(span: Span, message: string, hint = ''): void {
    if (!this.#isBroken) this.#findings.error(span, { code: 'SYNTAX', message, hint });
    this.#isBroken = true;
  }
}

function isSeparator(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === ',';
}
