// Parses AUTOLOG, the list of procedures to start and keep running.
import { jobPatternProblem } from '../../base/job.ts';
import { parseDecimal } from '../../base/port.ts';
import { statementNamed } from './keywords.ts';
import type { EntryContext } from './port-options.ts';
import { errorAt, type Problem, type Reader, syntaxProblem } from './reader.ts';
import type { AutologEntry } from './statements.ts';

const END = 'ENDAUTOLOG';
/** "The range is 0 to 30 minutes." */
const WAIT_MAX_MINUTES = 30;

/** The minutes after AUTOLOG, if any. Throws Problem. */
export function readWait(reader: Reader): number | undefined {
  const token = reader.peek();
  if (!token || !/^[0-9]+$/.test(token.word)) return undefined;
  const minutes = parseDecimal(token.word, WAIT_MAX_MINUTES);
  if (minutes === undefined) throw syntaxProblem(token, `a number of minutes from 0 to ${WAIT_MAX_MINUTES}`);
  reader.take('minutes');
  return minutes;
}

/** Reads procedures up to ENDAUTOLOG. After an error it continues with the next procedure. */
export function readProcedures(
  context: EntryContext,
  onProblem: (problem: Problem) => void,
  asProblem: (thrown: unknown) => Problem,
): { readonly entries: readonly AutologEntry[]; readonly isEnded: boolean } {
  const { reader } = context;
  const entries: AutologEntry[] = [];
  for (let token = reader.peek(); token; token = reader.peek()) {
    if (token.word === END) return { entries, isEnded: true };
    if (isUnterminated(reader)) break;
    try {
      entries.push(readProcedure(context));
    } catch (thrown) {
      onProblem(asProblem(thrown));
      skipToNextLine(reader);
    }
  }
  return { entries, isEnded: false };
}

/** Whether a statement begins where a procedure is expected; a skipped one only if ENDAUTOLOG does not follow. */
function isUnterminated(reader: Reader): boolean {
  const statement = statementNamed(reader.peek()?.word ?? '');
  if (!statement) return false;
  return statement.kind !== 'SKIPPED' || !reader.has(END);
}

function skipToNextLine(reader: Reader): void {
  for (let token = reader.peek(); token && token.word !== END; token = reader.peek()) {
    if (token.isFirstOfLine) return;
    reader.skip();
  }
}

/** `procedure [JOBNAME job] [PARMSTRING "text"] [DELAYSTART [DVIPA] [TTLS]]` */
function readProcedure({ reader, isZos, isIgnored }: EntryContext): AutologEntry {
  reader.begin();
  const procedure = takeName(reader, isZos, 'the name of a procedure, or ENDAUTOLOG');
  const job = reader.takeKeyword('JOBNAME') ? takeName(reader, isZos, 'a job name') : procedure;
  const parameters = reader.takeKeyword('PARMSTRING') ? takeQuoted(reader) : undefined;
  const delayStart = reader.takeKeyword('DELAYSTART') ? takeConditions(reader) : undefined;
  return {
    procedure,
    job,
    ...(parameters === undefined ? {} : { parameters }),
    ...(delayStart === undefined ? {} : { delayStart }),
    ...reader.written(isIgnored),
  };
}

/** "You cannot use an asterisk wildcard value" for a procedure of AUTOLOG. */
function takeName(reader: Reader, isZos: boolean, expected: string): string {
  const token = reader.take(expected);
  const problem = /[*?]/.test(token.word) ? 'it has a wildcard' : jobPatternProblem(token.word, isZos);
  if (problem === undefined) return token.word;
  throw syntaxProblem(token, expected, `Not a valid name: ${problem}.`, 'JOB');
}

function takeQuoted(reader: Reader): string {
  const token = reader.take('a quoted string');
  const quoted = /^(["'])(.*)\1$/.exec(token.raw);
  const text = quoted?.[2];
  if (text === undefined) throw syntaxProblem(token, 'a quoted string');
  reader.replaceLast(token.raw);
  return text;
}

function takeConditions(reader: Reader): ('DVIPA' | 'TTLS')[] {
  const conditions: ('DVIPA' | 'TTLS')[] = [];
  for (;;) {
    const condition = reader.takeKeyword('DVIPA', 'TTLS');
    if (condition === undefined) return conditions;
    conditions.push(condition);
  }
}

/** The error for a statement without its end word. */
export function endMissing(
  name: string,
  end: string,
  reader: Reader,
  place: AutologEntry['place'],
): ReturnType<typeof errorAt> {
  const next = reader.peek();
  const ignored = next ? `everything from line ${next.place.line} on` : 'the rest of the file';
  const message = `${name} has no ${end}: ${ignored} is ignored`;
  const where = next?.isFirstOfLine
    ? `before line ${next.place.line}, which begins with ${next.word}`
    : `before ${next?.word} on line ${next?.place.line}`;
  const hint = next ? `Add ${end} ${where}.` : `Add ${end} at the end of the file.`;
  return errorAt(place, 'END_MISSING', message, hint);
}
