// A profile as text becomes statements: each that is ours is read, every other one is known by its name and skipped.
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

/** A text and the name of the file that it is from. */
interface ProfileSource {
  readonly file: string;
  readonly text: string;
}

export interface ParseOptions {
  /** Job names have 8 characters at most, as on z/OS. */
  readonly zosNames?: boolean;
  /** System symbols, by their names in capitals, without "&" and point. */
  readonly symbols?: Symbols;
  /** Reads the file that INCLUDE names, as it is written, from the file that it stands in; or says why not. */
  readonly include?: (path: string, from: string) => ProfileSource | { readonly problem: string };
}

export interface ParsedProfile {
  readonly statements: readonly Statement[];
  /** The comments behind the last word. */
  readonly below: readonly string[];
  readonly findings: readonly Finding[];
}

/** Reads a profile. It never throws: what is wrong is in `findings`, in the order of the text. */
export function parseProfile(source: ProfileSource, options: ParseOptions = {}): ParsedProfile {
  const reading = new Reading(options);
  const { statements, below } = reading.read(source, [source.file]);
  return { statements, below, findings: reading.findings() };
}

/** One profile with all files that it includes. */
class Reading {
  readonly #findings = new FirstFew<Severity, Finding>(PROFILE_ERRORS_MAX);
  readonly options: ParseOptions;
  #files = 0;
  /** A list without its end took the rest of the text. */
  #isSwallowed = false;

  constructor(options: ParseOptions) {
    this.options = options;
  }

  get isSwallowed(): boolean {
    return this.#isSwallowed;
  }

  swallow(): void {
    this.#isSwallowed = true;
  }

  report(finding: Finding): void {
    this.#findings.add(finding.severity, finding);
  }

  /** Reports a problem; its hint is looked for if that will be read, and has `more` behind it. */
  tell({ finding, findHint }: Problem, more = ''): void {
    const hint = findHint && !this.#findings.isFull('error') ? findHint() : finding.hint;
    this.report({ ...finding, hint: `${hint} ${more}`.trim() });
  }

  /** What was found; of what is too much to be read, the number. */
  findings(): Finding[] {
    const { kept, leftOut } = this.#findings;
    return [...kept, ...leftOut.map(({ kind, count, first }) => moreFindings(kind, count, first.place))];
  }

  read({ file, text }: ProfileSource, chain: readonly string[]): Pick<ParsedProfile, 'statements' | 'below'> {
    this.#files++;
    const lexer = new Lexer(text, file, this.options.symbols ?? {}, (name, place) => {
      const message = `the symbol &${name}. has no value`;
      this.report(errorAt(place, 'SYMBOL_UNKNOWN', message, `Give it one: --symbol ${name}=VALUE.`));
    });
    const statements = new StatementParser(this, new Reader(lexer, file), text, chain).run();
    return { statements, below: lexer.below };
  }

  /** Reads an included file; its statements, or none where something is in the way, which is told. */
  include(path: Token, chain: readonly string[]): readonly Statement[] {
    const refuse = (message: string, hint = ''): readonly Statement[] => {
      this.report(errorAt(path.place, 'INCLUDE', message, hint));
      return [];
    };
    const name = unquoted(path.raw);
    if (chain.length > PROFILE_INCLUDE_DEPTH_MAX) {
      return refuse(`files include each other more than ${PROFILE_INCLUDE_DEPTH_MAX} deep`);
    }
    if (this.#files >= PROFILE_FILES_MAX) return refuse(`a profile has ${PROFILE_FILES_MAX} files at most`);
    const found = this.options.include?.(name, chain.at(-1) ?? '') ?? { problem: 'files are not read here' };
    if ('problem' in found) return refuse(`${quoted(name)} cannot be included: ${found.problem}`);
    if (chain.includes(found.file)) {
      return refuse(`${quoted(name)} includes itself: ${[...chain, found.file].join(' includes ')}`);
    }
    return this.read(found, [...chain, found.file]).statements;
  }
}

/** A line without the blanks at its end; any other character, even one that looks like a blank, is part of a word. */
function withoutBlanksBehind(line: string): string {
  let end = line.length;
  while (line[end - 1] === ' ' || line[end - 1] === '\t') end--;
  return line.slice(0, end);
}

function unquoted(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
}

const NOTHING_ABOVE: readonly string[] = [];

/** The statements of one file. */
class StatementParser {
  readonly #reading: Reading;
  readonly #reader: Reader;
  readonly #text: string;
  /** The files that lead to this one, itself last. */
  readonly #chain: readonly string[];

  constructor(reading: Reading, reader: Reader, text: string, chain: readonly string[]) {
    this.#reading = reading;
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

  #context(isPassedOver: boolean): EntryContext {
    return {
      reader: this.#reader,
      isZos: this.#reading.options.zosNames ?? false,
      report: (finding) => this.#reading.report(finding),
      isPassedOver: isPassedOver || this.#reading.isSwallowed,
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

  /** The statement's own words, up to its parameters. */
  #head(...names: readonly StatementName[]): Written {
    this.#reader.begin();
    for (const { keyword } of names) this.#reader.takeKeyword(keyword);
    return this.#reader.written(this.#reading.isSwallowed);
  }

  /**
   * Reads entries, which begin with so many numbers, until the next statement. After one that cannot be read the next
   * one is looked for.
   */
  #list<Entry>(read: (context: EntryContext) => Entry, numbers: 1 | 2): Entry[] {
    const entries: Entry[] = [];
    let isIgnored = false;
    let isPassedOver = false;
    const first = this.#reader.peek();
    if (!first || (statementNamed(first.word) && !isEntryStart(this.#reader))) this.#emptyList();
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      if (statementNamed(token.word) && !isEntryStart(this.#reader)) break;
      try {
        entries.push(read(this.#context(isPassedOver)));
      } catch (thrown) {
        const problem = problemOf(thrown);
        isIgnored ||= problem instanceof DenyProblem && !isPassedOver;
        this.#tell(problem, isPassedOver);
        isPassedOver ||= problem.endsList;
        this.#resume(token, numbers);
      }
    }
    // "The entire PORT statement is ignored" (EZZ0146I).
    return isIgnored ? entries.map((entry) => ({ ...entry, isPassedOver: true })) : entries;
  }

  #emptyList(): void {
    const place = this.#reader.last?.place ?? this.#reader.endPlace;
    const message = `${this.#reader.last?.word} names no port`;
    this.#reading.report({ severity: 'warning', code: 'EMPTY', message, hint: '', place });
  }

  #tell(problem: Problem, isPassedOver: boolean): void {
    const isFirst = problem.endsList && !isPassedOver;
    this.#reading.tell(problem, isFirst ? 'z/OS passes over the rest of this list.' : '');
  }

  /** Goes on to the next entry or statement behind `failed`, the word at which the entry began that failed. */
  #resume(failed: Token, numbers: 1 | 2): void {
    for (let token = this.#reader.peek(); token; token = this.#reader.peek()) {
      const isNew = token !== failed && isNewEntry(this.#reader, numbers);
      if (isNew || (token !== failed && statementNamed(token.word))) return;
      this.#reader.skip();
    }
  }

  #delete(name: StatementName, token: Token): Statement {
    const what = this.#reader.peek(1)?.word ?? '';
    const isRange = isKeyword(what, 'PORTRange');
    if (what !== 'PORT' && !isRange) return this.#skipped(name, token);
    const list = statementNamed(what);
    const head = list ? this.#head(name, list) : this.#head(name);
    const entries = isRange ? this.#list(readRangeEntry, 2) : this.#list(readPortEntry, 1);
    return { kind: 'DELETE', ...head, entries };
  }

  #config(kind: ConfigStatement['kind'], head: Written): Statement {
    const { isPassedOver, report } = this.#context(false);
    let settings: ConfigStatement['settings'] = [];
    try {
      settings = readSettings(kind, this.#reader, isPassedOver, report);
    } catch (thrown) {
      this.#reading.tell(problemOf(thrown));
      this.#skipToStatement();
    }
    return { kind, ...head, settings };
  }

  #autolog(head: Written, token: Token): Statement {
    let waitMinutes: number | undefined;
    let own = head;
    try {
      waitMinutes = readWait(this.#reader);
      own = this.#reader.written(this.#reading.isSwallowed);
    } catch (thrown) {
      this.#reading.tell(problemOf(thrown));
      this.#reader.skip();
    }
    const onProblem = (problem: Problem) => this.#reading.tell(problem);
    const { entries, isEnded } = readProcedures(this.#context(false), onProblem, problemOf);
    let end: Written | undefined;
    if (isEnded) {
      this.#reader.begin();
      this.#reader.takeKeyword('ENDAUTOLOG');
      end = this.#reader.written(false);
    } else {
      this.#reading.report(endMissing('AUTOLOG', 'ENDAUTOLOG', this.#reader, token.place));
      this.#reading.swallow();
    }
    return { kind: 'AUTOLOG', ...own, ...(waitMinutes === undefined ? {} : { waitMinutes }), entries, end };
  }

  #include(head: Written): Statement {
    try {
      const path = this.#reader.take('the file to be included');
      this.#reader.respell(path.raw);
      const written = this.#reader.written(head.isPassedOver);
      const statements = this.#reading.include(path, this.#chain);
      return { kind: 'INCLUDE', ...written, path: unquoted(path.raw), statements };
    } catch (thrown) {
      this.#reading.tell(problemOf(thrown));
      return { kind: 'INCLUDE', ...head, path: '', statements: [] };
    }
  }

  /** Passes over a statement; its text is kept as it stands. */
  #skipped(name: StatementName, token: Token): Statement {
    this.#reader.begin();
    this.#reader.skip();
    for (let i = 0; i < (name.fixed ?? 0) && !this.#reader.peek()?.isFirstOfLine; i++) this.#reader.skip();
    if (name.end === undefined) this.#skipToStatement();
    else this.#skipToEnd(name, name.end, token);
    const last = this.#reader.last ?? token;
    const full = fullSpelling(name.keyword);
    const text = this.#text
      .slice(token.start, last.end + (last.after === undefined ? 0 : this.#commentLength(last)))
      .split('\n')
      .map(withoutBlanksBehind)
      .join('\n');
    const message = `${full} has nothing to do with who may hold a port: it is skipped`;
    this.#reading.report({
      severity: 'notice',
      code: 'STATEMENT_SKIPPED',
      message,
      hint: '',
      place: token.place,
    });
    const { place, above } = { place: token.place, above: token.above ?? NOTHING_ABOVE };
    const isPassedOver = this.#reading.isSwallowed;
    return { kind: 'SKIPPED', name: full, text, place, words: [full], above, beside: [], isPassedOver };
  }

  /** How far the comment behind a word reaches, with the blanks in front of it. */
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

  /** To the word that ends a statement; where that is missing, to the next statement of ours on a line of its own. */
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
    this.#reading.report(endMissing(fullSpelling(name.keyword), end, this.#reader, token.place));
    this.#reading.swallow();
  }

  #unknown(token: Token): undefined {
    this.#reading.tell(unknownStatement(token, this.#reader.peek(1)?.word));
    this.#reader.skip();
    this.#skipToStatement();
    return undefined;
  }
}

/** Whether an entry seems to begin at the next word: what follows an entry that failed. */
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

/** What a thrown value says of an entry; anything else is a fault of ours. */
function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  throw thrown;
}

const SPELLINGS = STATEMENT_NAMES.map(({ keyword }) => fullSpelling(keyword));

function unknownStatement(token: Token, next: string | undefined): Problem {
  return syntaxProblem(token, 'a statement', () => statementHint(token.word, next), 'STATEMENT_UNKNOWN');
}

/** What somebody may have meant who wrote no statement. */
function statementHint(word: string, next: string | undefined): string {
  if (/^[0-9]+$/.test(word) && (next === 'TCP' || next === 'UDP')) {
    return 'A list of ports begins with PORT, a list of ranges with PORTRANGE.';
  }
  const near = nearest(word, SPELLINGS);
  return near === undefined ? '' : `Is ${near} meant?`;
}
