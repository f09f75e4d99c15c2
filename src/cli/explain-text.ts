// An explanation of a port for people: the answer in a line, then what it rests on, a label for each part.
import type { Explanation } from '../app/doctor/explain.ts';
import { printable } from '../base/printable.ts';
import { EXPLAINED_PARTS } from './explain-parts.ts';
import type { Io } from './io.ts';
import { emphasize } from './text.ts';

/** The longest label has eight characters. */
const INDENT = 10;
/** On a terminal that is narrower lines are left to it. */
const WRAP_MIN_CHARACTERS = 40;

/** How an answer begins. */
function answerText({ can, cause }: Explanation['answer']): string {
  if (can === 'yes') return 'can be had';
  if (cause === 'REFUSED' || cause === 'PRIVILEGED') return 'cannot be had';
  return can === 'no' ? 'is taken' : 'is probably taken';
}

/** The answers, then the parts: once where TCP and UDP have the same to say, else for each. */
export function explanationText(io: Io, explanations: readonly Explanation[]): string {
  const answers = explanations.map(({ port, protocol, answer }) => {
    const { why, advice } = answer;
    const said = `${answerText(answer)}: ${why}.${advice === '' ? '' : ` ${advice}`}`;
    const head = `${port}/${protocol} `;
    return wrapped(io, [emphasize(io, head.trimEnd()), ' '].join(''), head.length, said, 2);
  });
  const parts = EXPLAINED_PARTS.flatMap(([label, linesOf]) => {
    const lines = merged(explanations.map((one) => [one.protocol, linesOf(one)] as const));
    return lines.map((line, at) => {
      const shown = at === 0 ? label : '';
      const head = `${at === 0 ? emphasize(io, label) : ''}${' '.repeat(INDENT - shown.length)}`;
      return wrapped(io, head, INDENT, line, INDENT);
    });
  });
  return `${answers.join('')}\n${parts.join('')}`;
}

/** Lines that differ are told apart by their protocol. */
function merged(said: readonly (readonly [protocol: string, lines: readonly string[]])[]): string[] {
  const length = Math.max(...said.map(([, lines]) => lines.length));
  return Array.from({ length }, (_, at) => at).flatMap((at) => {
    const [first, ...others] = said.map(([, lines]) => lines[at]);
    if (first !== undefined && others.every((line) => line === first)) return [first];
    return said.flatMap(([protocol, lines]) => {
      const line = lines[at];
      return line === undefined ? [] : [`${protocol}: ${line}`];
    });
  });
}

/** A line behind its head, on a terminal broken between words; what follows is indented. */
function wrapped({ columns }: Io, head: string, headLength: number, text: string, indent: number): string {
  const width = columns !== undefined && columns >= WRAP_MIN_CHARACTERS ? columns : Number.POSITIVE_INFINITY;
  let out = head;
  let at = headLength;
  let gap = '';
  for (const word of printable(text).split(' ')) {
    const isTooFar = gap !== '' && at + gap.length + word.length > width;
    out += isTooFar ? `\n${' '.repeat(indent)}${word}` : `${gap}${word}`;
    at = (isTooFar ? indent : at + gap.length) + word.length;
    gap = ' ';
  }
  return `${out}\n`;
}
