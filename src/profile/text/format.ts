// Prints a profile in canonical form: keywords in full, entries in columns, comments kept.
import type { ParsedProfile } from './parse.ts';
import type { AutologStatement, ConfigStatement, Statement, Written } from './statements.ts';

const INDENT = '    ';
/** Numbers are right-aligned. */
const NUMBER_COLUMN = 5;
/** The maximum width of a column, so that one long name does not widen all lines. */
const COLUMN_MAX = 24;
/** The rightmost column at which inline comments are aligned. */
const COMMENT_COLUMN_MAX = 56;

/**
 * The canonical text of a profile without errors. Parsing it gives the same statements, and formatting those gives the
 * same text.
 */
export function formatProfile({ statements, below }: Pick<ParsedProfile, 'statements' | 'below'>): string {
  const blocks = statements.map((statement) => statementLines(statement).join('\n'));
  if (below.length > 0) blocks.push(below.join('\n'));
  return blocks.length === 0 ? '' : `${blocks.join('\n\n')}\n`;
}

function statementLines(statement: Statement): string[] {
  switch (statement.kind) {
    case 'PORT':
      return listLines(statement, statement.entries, 1);
    case 'PORTRANGE':
      return listLines(statement, statement.entries, 2);
    case 'DELETE':
      return listLines(statement, statement.entries, statement.words[1] === 'PORT' ? 1 : 2);
    case 'AUTOLOG':
      return autologLines(statement);
    case 'INCLUDE':
      return headLines(statement);
    case 'SKIPPED':
      return [...statement.above, statement.text];
    default:
      return configLines(statement);
  }
}

/**
 * A line with its last inline comment at a column. Other inline comments go above the line: below it they would belong
 * to the next entry.
 */
function withComments(text: string, { above, inline }: Written, column: number): string[] {
  const last = inline.at(-1);
  if (last === undefined) return [...above, text];
  return [...above, ...inline.slice(0, -1), `${text.padEnd(column)} ${last}`];
}

function headLines(head: Written): string[] {
  return withComments(head.words.join(' '), head, 0);
}

/** Entries in columns: numbers, protocol, job, options. */
function listLines(head: Written, entries: readonly Written[], numbers: number): string[] {
  const jobAt = numbers + 1;
  const jobWidth = widest(
    entries.filter(({ words }) => words.length > jobAt + 1).map(({ words }) => words[jobAt]),
    COLUMN_MAX,
  );
  const texts = entries.map(({ words }) => entryText(words, numbers, jobWidth));
  return [...headLines(head), ...entryLines(entries, texts)];
}

function widest(texts: readonly (string | undefined)[], max: number): number {
  let width = 0;
  for (const text of texts) width = Math.max(width, text?.length ?? 0);
  return Math.min(width, max);
}

/** Entries with their comments, the inline ones aligned. */
function entryLines(entries: readonly Written[], texts: readonly string[]): string[] {
  const commented = texts.filter((_text, i) => entries[i]?.inline.length);
  const column = widest(commented, COMMENT_COLUMN_MAX);
  return entries.flatMap((entry, i) => withComments(texts[i] ?? '', entry, column));
}

function entryText(words: readonly string[], numbers: number, jobWidth: number): string {
  const columns = words.map((word, at) => {
    if (at < numbers) return word.padStart(NUMBER_COLUMN);
    return at === numbers + 1 ? word.padEnd(jobWidth) : word;
  });
  return `${INDENT}${columns.join(' ')}`.trimEnd();
}

function configLines(statement: ConfigStatement): string[] {
  const texts = statement.settings.map(({ words }) => `${INDENT}${words.join(' ')}`);
  return [
    ...headLines(statement),
    ...statement.settings.flatMap((entry, i) => withComments(texts[i] ?? '', entry, 0)),
  ];
}

function autologLines(statement: AutologStatement): string[] {
  const texts = statement.entries.map(({ words }) => `${INDENT}${words.join(' ')}`);
  const end = statement.end ? withComments('ENDAUTOLOG', statement.end, 0) : ['ENDAUTOLOG'];
  return [...headLines(statement), ...entryLines(statement.entries, texts), ...end];
}
