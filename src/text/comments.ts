// Comments between /* and */, in texts of which no part is looked through twice.

export interface Comment {
  /** Behind its last character; undefined if it is not closed. */
  readonly end: number | undefined;
  /** Behind the last character of the line that it begins in. */
  readonly lineEnd: number;
  /** Another comment begins in a later line before this one is closed: the first was hardly meant to go so far. */
  readonly holdsAnother: boolean;
}

/** Reads the comments of a text, from its beginning to its end. */
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

  /** Whether a comment begins at a place. */
  beginsAt(start: number): boolean {
    return this.#text.startsWith('/*', start);
  }

  /** The comment that begins at a place. */
  at(start: number): Comment {
    const lineEnd = this.lineEnd(start);
    const close = this.#closings.from(start + 2);
    if (close < 0) return { end: undefined, lineEnd, holdsAnother: false };
    const another = close > lineEnd ? this.#openings.from(lineEnd) : -1;
    return { end: close + 2, lineEnd, holdsAnother: another >= 0 && another < close };
  }

  /** Where the line of a place ends. */
  lineEnd(start: number): number {
    const end = this.#lines.from(start);
    return end < 0 ? this.#text.length : end;
  }
}

/** Where something stands next in a text; the last answer is kept for as long as it holds. */
class Next {
  readonly #text: string;
  readonly #what: string;
  #asked = 0;
  #found: number | undefined;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  /** The first place from a place on; -1 if there is none. */
  from(start: number): number {
    const found = this.#found;
    const holds = found !== undefined && this.#asked <= start && (found < 0 || start <= found);
    if (holds) return found;
    this.#asked = start;
    this.#found = this.#text.indexOf(this.#what, start);
    return this.#found;
  }
}
