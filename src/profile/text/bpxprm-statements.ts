// The syntax of BPXPRMxx members: statements, operands and comments, in columns 1 to 71.
import { Comments } from '../../text/comments.ts';
import type { Findings, Span } from '../../text/findings.ts';

/** A word with its value in parentheses. */
export interface ParmWord extends Span {
  /** In upper case. */
  readonly text: string;
  /** As written, trimmed; undefined without parentheses. */
  readonly value: string | undefined;
}

export interface ParmStatement {
  readonly name: ParmWord;
  readonly operands: readonly ParmWord[];
}

/** "Use columns 1 through 71 for data; columns 72 through 80 are ignored." */
const DATA_COLUMNS = 71;
/** Column 72 is blank; columns 73 to 80 may hold a sequence number. */
const SEQUENCE = /^\s?[0-9 ]{0,8}\s*$/;

/** The names of statements. A statement with a value in parentheses has no operands. */
const STATEMENTS: ReadonlySet<string> = new Set(
  [
    'ALTROOT AUTHPGMLIST AUTOCVT CTRACE FILESYSTYPE FORKCOPY IPCMSGNIDS IPCMSGQBYTES IPCMSGQMNUM IPCSEMNIDS',
    'IPCSEMNOPS IPCSEMNSEMS IPCSHMMPAGES IPCSHMNIDS IPCSHMNSEGS IPCSHMSPAGES KERNELSTACKS LIMMSG LOSTMSG MAXASSIZE',
    'MAXCORESIZE MAXCPUTIME MAXFILEPROC MAXFILESIZE MAXIOBUFUSER MAXMMAPAREA MAXPIPEUSER MAXPROCSYS MAXPROCUIDS',
    'MAXPROCUSER MAXPTYS MAXQUEUEDSIGS MAXRTYS MAXSHAREPAGES MAXSSIZE MAXTHREADS MAXTHREADTASKS MAXUIDS',
    'MAXUSERMOUNTSYS MAXUSERMOUNTUSER MOUNT NETWORK NONEMPTYMOUNTPT PRIORITYGOAL PRIORITYPG PWT RESOLVER_PROC ROOT',
    'RUNOPTS SC_EXITTABLE SERV_LINKLIB SERV_LPALIB SHRLIBMAXPAGES SHRLIBRGNSIZE STARTUP_EXEC STARTUP_PROC STEPLIBLIST',
    'SUBFILESYSTYPE SUPERUSER SWA SYSCALL_COUNTS SYSPLEX TTYGROUP UMASK USERIDALIASTABLE VERSION',
  ].flatMap((names) => names.split(' ')),
);

const NETWORK_OPERANDS: ReadonlySet<string> = new Set([
  'DOMAINNAME',
  'DOMAINNUMBER',
  'MAXSOCKETS',
  'TYPE',
  'INADDRANYPORT',
  'INADDRANYCOUNT',
]);

/**
 * The statements of a member. A word that is not a statement is an operand of the statement before it; if that cannot
 * have it, it begins an unknown statement.
 */
export function parmStatements(text: string, findings: Findings): ParmStatement[] {
  const statements: { readonly name: ParmWord; readonly operands: ParmWord[] }[] = [];
  const reader = new ParmReader(dataOf(text, findings), findings);
  for (let word = reader.next(); word; word = reader.next()) {
    const current = statements.at(-1);
    if (current && belongsTo(word, current.name)) current.operands.push(word);
    else statements.push({ name: word, operands: [] });
    if (current?.name.text === 'NETWORK' && !STATEMENTS.has(word.text) && statements.at(-1) !== current) {
      findings.warning(word, {
        code: 'BPXPRM_OPERAND_UNKNOWN',
        message: `${word.text.slice(0, DATA_COLUMNS)} is not an operand of NETWORK and not a known statement`,
        hint: `The operands of NETWORK are ${[...NETWORK_OPERANDS].join(', ')}.`,
      });
    }
  }
  // An unclosed comment, quote or parenthesis extends to the end of the text, so the last statement is incomplete.
  if (reader.isUnclosed) statements.pop();
  return statements;
}

function belongsTo(word: ParmWord, statement: ParmWord): boolean {
  if (STATEMENTS.has(word.text)) return false;
  if (statement.text === 'NETWORK') return NETWORK_OPERANDS.has(word.text);
  return statement.value === undefined;
}

/** The text with everything after column 71 replaced by blanks. */
function dataOf(text: string, findings: Findings): string {
  let start = 0;
  const lines = text.split('\n').map((line) => {
    const tail = line.slice(DATA_COLUMNS);
    if (!SEQUENCE.test(tail)) {
      const message = `text after column ${DATA_COLUMNS} is ignored`;
      const span = { start: start + DATA_COLUMNS, end: start + line.length };
      findings.warning(span, { code: 'BPXPRM_COLUMN', message, hint: 'Break the line.' });
    }
    start += line.length + 1;
    return tail === '' ? line : line.slice(0, DATA_COLUMNS) + ' '.repeat(tail.length);
  });
  return lines.join('\n');
}

/** Characters that neither end a word nor begin a comment, a quote or a value. */
const PLAIN = /[^\s,()'/]+/y;
const SEPARATOR = /[\s,]/;

class ParmReader {
  readonly #text: string;
  readonly #findings: Findings;
  readonly #comments: Comments;
  #at = 0;
  /** A comment, quote or parenthesis is not closed. */
  isUnclosed = false;

  constructor(text: string, findings: Findings) {
    this.#text = text;
    this.#findings = findings;
    this.#comments = new Comments(text);
  }

  /** The next word, with its value. */
  next(): ParmWord | undefined {
    for (this.#toWord(); this.#at < this.#text.length; this.#toWord()) {
      const char = this.#char();
      if (char !== '(' && char !== ')' && char !== "'") return this.#word();
      const span = { start: this.#at, end: this.#at + 1 };
      this.#findings.error(span, { code: 'SYNTAX', message: `this ${char} does not follow a name` });
      if (char === '(') this.#value();
      else this.#pass();
    }
    return undefined;
  }

  #word(): ParmWord {
    const start = this.#at;
    do {
      PLAIN.lastIndex = this.#at;
      this.#at = PLAIN.test(this.#text) ? PLAIN.lastIndex : this.#at + 1;
    } while (this.#at < this.#text.length && !this.#endsWord());
    const end = this.#at;
    // "Blanks are allowed between parameters and values".
    this.#toWord();
    const value = this.#char() === '(' ? this.#value() : undefined;
    return { text: this.#text.slice(start, end).toUpperCase(), value, start, end };
  }

  #endsWord(): boolean {
    const char = this.#char();
    return SEPARATOR.test(char) || char === '(' || char === ')' || char === "'" || this.#beginsComment();
  }

  /** Skips blanks and comments. */
  #toWord(): void {
    while (SEPARATOR.test(this.#char()) || this.#beginsComment()) this.#pass();
  }

  /** The text in parentheses, which may be nested, without comments. */
  #value(): string {
    const start = this.#at;
    const parts: string[] = [];
    let depth = 0;
    do {
      const from = this.#at;
      if (this.#char() === '(') depth++;
      if (this.#char() === ')') depth--;
      const isComment = this.#beginsComment();
      this.#pass();
      parts.push(isComment ? ' ' : this.#text.slice(from, this.#at));
    } while (depth > 0 && this.#at < this.#text.length);
    if (depth > 0) this.#unclosed({ start, end: start + 1 }, 'this ( is not closed');
    return parts
      .slice(1, depth > 0 ? undefined : -1)
      .join('')
      .trim();
  }

  /** Skips a comment, a quoted string, or one character. */
  #pass(): void {
    const start = this.#at;
    if (this.#beginsComment()) this.#comment();
    else if (this.#char() === "'") {
      // A doubled quote is read as the end of one string and the beginning of another, which gives the same end.
      const end = this.#text.indexOf("'", start + 1);
      this.#at = end < 0 ? this.#text.length : end + 1;
      if (end < 0) this.#unclosed({ start, end: start + 1 }, 'this quote is not closed');
    } else this.#at++;
  }

  #comment(): void {
    const span = { start: this.#at, end: this.#at + 2 };
    const { end, holdsAnother } = this.#comments.at(this.#at);
    this.#at = end ?? this.#text.length;
    if (end === undefined) this.#unclosed(span, 'this comment is not closed');
    if (!holdsAnother) return;
    const message = 'another comment begins before this one is closed: the text between them is ignored';
    this.#findings.warning(span, { code: 'BPXPRM_COMMENT', message, hint: 'Close each comment with */' });
  }

  #char(): string {
    return this.#text[this.#at] ?? '';
  }

  #beginsComment(): boolean {
    return this.#comments.beginsAt(this.#at);
  }

  #unclosed(span: Span, message: string): void {
    if (this.isUnclosed) return;
    this.isUnclosed = true;
    this.#findings.error(span, { code: 'SYNTAX', message, hint: 'The rest of the file is not read.' });
  }
}
