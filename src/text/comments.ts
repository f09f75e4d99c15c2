// Finds comments between /* and */ in linear time: no part of the text is scanned twice.

export interface Comment {
  /** The offset after its last character. Undefined if it is not closed. */
  readonly end: number | undefined;
  /** The end of the line in which it begins. */
  readonly lineEnd: number;
  /** Another comment begins on a later line before this one ends: probably the end of the first is missing. */
  readonly holdsAnother: boolean;
}

export class Comments {
  readonly #text: string;
  readonly #closings: Next;
  readonly #openings: Next;
  readonly #lines: Next;

  constructor(text: string) {
    this.#text = text;
    this.#closings = new Next(text, '*/');
    this.#openings = new Next(text, '/*');
    this.#lines = new Next(text, '\n');
  }

  beginsAt(start: number): boolean {
    return this.#text.startsWith('/*', start);
  }

  /** The comment that begins at this offset. */
  at(start: number): Comment {
    const lineEnd = this.lineEnd(start);
    const close = this.#closings.from(start + 2);
    if (close < 0) return { end: undefined, lineEnd, holdsAnother: false };
    const another = close > lineEnd ? this.#openings.from(lineEnd) : -1;
    return { end: close + 2, lineEnd, holdsAnother: another >= 0 && another < close };
  }

  /** The end of the line that contains this offset. */
  lineEnd(start: number): number {
    const end = this.#lines.from(start);
    return end < 0 ? this.#text.length : end;
  }
}

/** Searches a text for the next occurrence of a string, and caches the last result. */
class Next {
  readonly #text: string;
  readonly #what: string;
  #searchedFrom = 0;
  #found: number | undefined;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  /** The first occurrence at or after an offset, or -1. */
  from(start: number): number {
    const found = this.#found;
    const holds = found !== undefined && this.#searchedFrom <= start && (found < 0 || start <= found);
    if (holds) return found;
    this.#searchedFrom = start;
    this.#found = this.#text.indexOf(this.#what, start);
    return this.#found;
  }
}
