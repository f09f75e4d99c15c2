// Parses a profile into statements. Statements about ports are read; the others of z/OS are recognized and skipped.
import { FirstFew } from '../../base/first-few.ts';
import { PROFILE_ERRORS_MAX, PROFILE_FILES_MAX, PROFILE_INCLUDE_DEPTH_MAX } from '../../base/limits.ts';
import { nearest } from '../../base/nearest.ts';
import type { Finding, Severity } from '../../text/source.ts';
import { endMissing, readProcedures, readWait } from './autolog.ts';
import { readSettings } from './config.ts';
import { fullSpelling, isKeyword, STATEMENT_NAMES, type StatementName, statementNamed } from './keywords.ts';
import { Lexer, type Symbols, type Token } from './lexer.ts';
import type { EntryContext } from './port-options.ts';
import { DenyProblem, isEntryStart, readPortEntry, readRangeEntry } from './ports.ts';
import { errorAt, moreFindings, Problem, quoted, Reader, syntaxProblem } from './reader.ts';
import type { ConfigStatement, Statement, Written } from './statements.ts';

interface ProfileSource {
  readonly file: string;
  readonly text: string;
}

export interface ParseOptions {
  /** Job names have at most 8 characters, as on z/OS. */
  readonly zosNames?: boolean;
  /** System symbols, by name in upper case, without "&" and period. */
  readonly symbols?: Symbols;
  /** Reads the file `path` of an INCLUDE in the file `from`, or returns the reason why it cannot. */
  readonly include?: (path: string, from: string) => ProfileSource | { readonly problem: string };
}

export interface ParsedProfile {
  readonly statements: readonly Statement[];
  /** The comments after the last word. */
  readonly below: readonly string[];
  readonly findings: readonly Finding[];
}

/** Parses a profile. Never throws: errors are in `findings`, in the order of the text. */
export function parseProfile(source: ProfileSource, options: ParseOptions = {}): ParsedProfile {
  const session = new ParseSession(options);
  const { statements, below } = session.parse(source, [source.file]);
  return { statements, below, findings: session.findings() };
}

/** Parses one profile with all included files. */
class ParseSession {
  readonly #findings = new FirstFew<Severity, Finding>(PROFILE_ERRORS_MAX);
  readonly options: ParseOptions;
  #files = 0;
  /** A block without its end word extends to the end of the text. */
  #isUnterminated = false;

  constructor(options: ParseOptions) {
    this.options = options;
  }

  get isUnterminated(): boolean {
    return this.#isUnterminated;
  }

  markUnterminated(): void {
    this.#isUnterminated = true;
  }

  report(finding: Finding): void {
    this.#findings.add(finding.severity, finding);
  }

  /** Reports a problem. Computes the hint only if it will be shown, and appends `more`. */
  reportProblem({ finding, findHint }: Problem, more = ''): void {
    const hint = findHint && !this.#findings.isFull('error') ? findHint() : finding.hint;
    this.report({ ...finding, hint: `${hint} ${more}`.trim() });
  }

  /** The findings, and the number of those beyond the limit. */
  findings(): Finding[] {
    const { kept, leftOut } = this.#findings;
    return [...kept, ...leftOut.map(({ kind, count, first }) => moreFindings(kind, count, first.place))];
  }

  parse(
    { file, text }: ProfileSource,
    chain: readonly string[],
  ): Pick<ParsedProfile, 'statements' | 'below'> {
    this.#files++;
    const lexer = new Lexer(text, file, this.options.symbols ?? {}, (name, place) => {
      const message = `the symbol &${name}. has no value`;
      this.report(errorAt(place, 'SYMBOL_UNKNOWN', message, `Set it with --symbol ${name}=VALUE.`));
    });
    const statements = new StatementParser(this, new Reader(lexer, file), text, chain).run();
    return { statements, below: lexer.below };
  }

  /** The statements of an included file; none if it cannot be included, which is reported. */
  include(path: Token, chain: readonly string[]): readonly Statement[] {
    const refuse = (message: string, hint = ''): readonly Statement[] => {
      this.report(errorAt(path.place, 'INCLUDE', message, hint));
      return [];
    };
    const name = unquoted(path.raw);
    if (chain.length > PROFILE_INCLUDE_DEPTH_MAX) {
      return refuse(`INCLUDE is nested more than ${PROFILE_INCLUDE_DEPTH_MAX} deep`);
    }
    if (this.#files >= PROFILE_FILES_MAX) return refuse(`a profile has at most ${PROFILE_FILES_MAX} files`);
    const found = this.options.include?.(name, chain.at(-1) ?? '') ?? { problem: 'files are not read here' };
    if ('problem' in found) return refuse(`${quoted(name)} cannot be included: ${found.problem}`);
    if (chain.includes(found.file)) {
      return refuse(`${quoted(name)} includes itself: ${[...chain, found.file].join(' includes ')}`);
    }
    return this.parse(found, [...chain, found.file]).statements;
  }
}

/** Removes trailing blanks and tabs. Other white space is part of a word, so trimEnd() would remove too much. */
function trimBlanksEnd(line: string): string {
  let end = line.length;
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--;
  return line.slice(0, end);
}

function unquoted(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
}

const NO_COMMENTS: readonly string[] = [];

/** The statements of one file. */
class StatementParser {
  readonly #session: ParseSession;
  readonly #reader: Reader;
  readonly #text: string;
  /** The chain of including files, this one last. */
  readonly #chain: readonly string[];

  constructor(session: ParseSession, reader: Reader, text: string, chain: readonly string[]) {
    this.#session = session;
    this.#reader = reader;
    this.#text = text;
    this.#chain = chain;
  }

  run(): Statement[] {
    const statements: Statement[] = [];
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      const name = statementNamed(token.word);
      const statement = name ? this.#statement(name, token) : this.#unknown(token);
      if (statement) statements.push(statement);
    }
    return statements;
  }

  #context(isIgnored: boolean): EntryContext {
    return {
      reader: this.#reader,
      isZos: this.#session.options.zosNames ?? false,
      report: (finding) => this.#session.report(finding),
      isIgnored: isIgnored || this.#session.isUnterminated,
    };
  }

  #statement(name: StatementName, token: Token): Statement | undefined {
    const { kind } = name;
    if (kind === 'SKIPPED') return this.#skipped(name, token);
    if (kind === 'DELETE') return this.#delete(name, token);
    const head = this.#head(name);
    if (kind === 'PORT') return { kind, ...head, entries: this.#list(readPortEntry, 1) };
    if (kind === 'PORTRANGE') return { kind, ...head, entries: this.#list(readRangeEntry, 2) };
    if (kind === 'AUTOLOG') return this.#autolog(head, token);
    if (kind === 'INCLUDE') return this.#include(head);
    return this.#config(kind, head);
  }

  /** The name of a statement, one or two words. */
  #head(...names: readonly StatementName[]): Written {
    this.#reader.begin();
    for (const { keyword } of names) this.#reader.takeKeyword(keyword);
    return this.#reader.written(this.#session.isUnterminated);
  }

  /**
   * Reads entries, each beginning with `numbers` numbers, until the next statement. After an error it continues with
   * the next entry.
   */
  #list<Entry>(read: (context: EntryContext) => Entry, numbers: 1 | 2): Entry[] {
    const entries: Entry[] = [];
    let isListIgnored = false;
    let isIgnored = false;
    const first = this.#reader.peek();
    if (!first || (statementNamed(first.word) && !isEntryStart(this.#reader))) this.#emptyList();
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      if (statementNamed(token.word) && !isEntryStart(this.#reader)) break;
      try {
        entries.push(read(this.#context(isIgnored)));
      } catch (thrown) {
        const problem = problemOf(thrown);
        isListIgnored ||= problem instanceof DenyProblem && !isIgnored;
        this.#report(problem, isIgnored);
        isIgnored ||= problem.abandonsList;
        this.#resume(token, numbers);
      }
    }
    // "The entire PORT statement is ignored" (EZZ0146I).
    return isListIgnored ? entries.map((entry) => ({ ...entry, isIgnored: true })) : entries;
  }

  #emptyList(): void {
    const place = this.#reader.last?.place ?? this.#reader.endPlace;
    const message = `${this.#reader.last?.word} has no entries`;
    this.#session.report({ severity: 'warning', code: 'EMPTY', message, hint: '', place });
  }

  #report(problem: Problem, isIgnored: boolean): void {
    const isFirst = problem.abandonsList && !isIgnored;
    this.#session.reportProblem(problem, isFirst ? 'z/OS ignores the rest of this list.' : '');
  }

  /** Skips to the next entry or statement after the entry that failed, which began at `failed`. */
  #resume(failed: Token, numbers: 1 | 2): void {
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      const isNew = token !== failed && isNewEntry(this.#reader, numbers);
      if (isNew || (token !== failed && statementNamed(token.word))) return;
      this.#reader.skip();
    }
  }

  #delete(name: StatementName, token: Token): Statement {
    const word = this.#reader.peek(1)?.word ?? '';
    const isRange = isKeyword(word, 'PORTRange');
    if (word !== 'PORT' && !isRange) return this.#skipped(name, token);
    const list = statementNamed(word);
    const head = list ? this.#head(name, list) : this.#head(name);
    const entries = isRange ? this.#list(readRangeEntry, 2) : this.#list(readPortEntry, 1);
    return { kind: 'DELETE', ...head, entries };
  }

  #config(kind: ConfigStatement['kind'], head: Written): Statement {
    const { isIgnored, report } = this.#context(false);
    let settings: ConfigStatement['settings'] = [];
    try {
      settings = readSettings(kind, this.#reader, isIgnored, report);
    } catch (thrown) {
      this.#session.reportProblem(problemOf(thrown));
      this.#skipToStatement();
    }
    return { kind, ...head, settings };
  }

  #autolog(head: Written, token: Token): Statement {
    let waitMinutes: number | undefined;
    let own = head;
    try {
      waitMinutes = readWait(this.#reader);
      own = this.#reader.written(this.#session.isUnterminated);
    } catch (thrown) {
      this.#session.reportProblem(problemOf(thrown));
      this.#reader.skip();
    }
    const onProblem = (problem: Problem) => this.#session.reportProblem(problem);
    const { entries, isEnded } = readProcedures(this.#context(false), onProblem, problemOf);
    let end: Written | undefined;
    if (isEnded) {
      this.#reader.begin();
      this.#reader.takeKeyword('ENDAUTOLOG');
      end = this.#reader.written(false);
    } else {
      this.#session.report(endMissing('AUTOLOG', 'ENDAUTOLOG', this.#reader, token.place));
      this.#session.markUnterminated();
    }
    return { kind: 'AUTOLOG', ...own, ...(waitMinutes === undefined ? {} : { waitMinutes }), entries, end };
  }

  #include(head: Written): Statement {
    try {
      const path = this.#reader.take('the file to be included');
      this.#reader.replaceLast(path.raw);
      const written = this.#reader.written(head.isIgnored);
      const statements = this.#session.include(path, this.#chain);
      return { kind: 'INCLUDE', ...written, path: unquoted(path.raw), statements };
    } catch (thrown) {
      this.#session.reportProblem(problemOf(thrown));
      return { kind: 'INCLUDE', ...head, path: '', statements: [] };
    }
  }

  /** Skips a statement and keeps its text as written. */
  #skipped(name: StatementName, token: Token): Statement {
    this.#reader.begin();
    this.#reader.skip();
    const parameters = name.parameterCount ?? 0;
    for (let i = 0; i < parameters && !this.#reader.peek()?.isFirstOfLine; i++) this.#reader.skip();
    if (name.end === undefined) this.#skipToStatement();
    else this.#skipToEnd(name, name.end, token);
    const last = this.#reader.last ?? token;
    const full = fullSpelling(name.keyword);
    const text = this.#text
      .slice(token.start, last.end + (last.after === undefined ? 0 : this.#commentLength(last)))
      .split('\n')
      .map(trimBlanksEnd)
      .join('\n');
    const message = `${full} does not concern ports and is skipped`;
    this.#session.report({
      severity: 'notice',
      code: 'STATEMENT_SKIPPED',
      message,
      hint: '',
      place: token.place,
    });
    const { place, above } = { place: token.place, above: token.above ?? NO_COMMENTS };
    const isIgnored = this.#session.isUnterminated;
    return { kind: 'SKIPPED', name: full, text, place, words: [full], above, inline: [], isIgnored };
  }

  /** The length of the comment after a word, including the blanks before it. */
  #commentLength(token: Token): number {
    const lineEnd = this.#text.indexOf('\n', token.end);
    return (lineEnd < 0 ? this.#text.length : lineEnd) - token.end;
  }

  #skipToStatement(): void {
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      if (statementNamed(token.word)) return;
      this.#reader.skip();
    }
  }

  /** Skips to the end word of a statement; if it is missing, to the next supported statement at the start of a line. */
  #skipToEnd(name: StatementName, end: string, token: Token): void {
    if (this.#reader.has(end)) {
      while (this.#reader.peek()?.word !== end) this.#reader.skip();
      this.#reader.skip();
      return;
    }
    for (let next = this.#reader.peek(); next; next = this.#reader.peek()) {
      const statement = statementNamed(next.word);
      if (next.isFirstOfLine && statement && statement.kind !== 'SKIPPED') break;
      this.#reader.skip();
    }
    this.#session.report(endMissing(fullSpelling(name.keyword), end, this.#reader, token.place));
    this.#session.markUnterminated();
  }

  #unknown(token: Token): undefined {
    this.#session.reportProblem(unknownStatement(token, this.#reader.peek(1)?.word));
    this.#reader.skip();
    this.#skipToStatement();
    return undefined;
  }
}

/** Whether the next word looks like the beginning of an entry, after an entry that failed. */
function isNewEntry(reader: Reader, numbers: 1 | 2): boolean {
  const token = reader.peek();
  if (!token) return false;
  const protocol = reader.peek(numbers)?.word;
  const hasProtocol = protocol === 'TCP' || protocol === 'UDP';
  const isNumber = (ahead: number) => /^[0-9]+$/.test(reader.peek(ahead)?.word ?? '');
  return (
    token.isFirstOfLine || (hasProtocol && (token.word === 'UNRSV' || (isNumber(0) && isNumber(numbers - 1))))
  );
}

/** Rethrows anything that is not a Problem, which is a bug. */
function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  throw thrown;
}

const SPELLINGS = STATEMENT_NAMES.map(({ keyword }) => fullSpelling(keyword));

function unknownStatement(token: Token, next: string | undefined): Problem {
  return syntaxProblem(token, 'a statement', () => statementHint(token.word, next), 'STATEMENT_UNKNOWN');
}

function statementHint(word: string, next: string | undefined): string {
  if (/^[0-9]+$/.test(word) && (next === 'TCP' || next === 'UDP')) {
    return 'Begin a list of ports with PORT, a list of ranges with PORTRANGE.';
  }
  const near = nearest(word, SPELLINGS);
  return near === undefined ? '' : `Did you mean ${near}?`;
}
