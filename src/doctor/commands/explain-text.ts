// Formats the explanation of a port as text: the answer in one line, followed by labeled rows with the facts.

import type { Io } from '../../kit/io.ts';
import { emphasize, hangingLine } from '../../kit/text.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { EXPLAINED_PARTS } from './explain-parts.ts';

type Answer = Explanation['answer'];

/** The longest label has eight characters. */
const INDENT = 10;
/** Remedies are indented below the answer, and their continuation lines below them. */
const REMEDY = '  ';
const REMEDY_INDENT = 4;

/** The answers, then the rows. What TCP and UDP have in common is printed once. */
export function explanationText(io: Io, explanations: readonly Explanation[]): string {
  const answers = Map.groupBy(explanations, ({ answer }) => JSON.stringify(answer));
  const heads = [...answers.values()].flatMap((group) => {
    const ports = group.map(({ port, protocol }) => `${port}/${protocol}`);
    return group.slice(0, 1).map(({ answer }) => answerText(io, ports, answer));
  });
  const parts = EXPLAINED_PARTS.flatMap(([label, linesOf]) => {
    const lines = merged(explanations.map((one) => [one.protocol, linesOf(one)] as const));
    return lines.map((line, at) => {
      const head =
        at === 0 ? `${emphasize(io, label)}${' '.repeat(INDENT - label.length)}` : ' '.repeat(INDENT);
      return hangingLine(io, head, line, INDENT);
    });
  });
  return `${heads.join('')}\n${parts.join('')}`;
}

function answerText(io: Io, ports: readonly string[], answer: Answer): string {
  const lines = answer.remedies.map(({ text, command }) =>
    command === undefined
      ? hangingLine(io, REMEDY, `${text}.`, REMEDY_INDENT)
      : hangingLine(io, REMEDY, `${text}:`, REMEDY_INDENT, command),
  );
  const [head, rest] = headline(ports, answer);
  return [hangingLine(io, emphasize(io, head), rest, REMEDY_INDENT), ...lines].join('');
}

const DENIED: ReadonlySet<Answer['cause']> = new Set(['REFUSED', 'PRIVILEGED']);

/** The first line, split after the part that is emphasized. */
function headline(ports: readonly string[], { available, likely, cause, why }: Answer): [string, string] {
  const all = ports.join(' and ');
  if (available === 'unknown') {
    const probably = likely === 'yes' ? 'probably yes' : 'probably not';
    return [`could not tell whether ${all} can be bound`, ` (${probably}): ${why}.`];
  }
  if (DENIED.has(cause)) return [`${all}:`, ` permission denied: ${why}.`];
  return [all, ` ${ports.length > 1 ? 'are' : 'is'} ${why}.`];
}

/** The lines common to all protocols, then the others, prefixed with their protocol. */
function merged(all: readonly (readonly [protocol: string, lines: readonly string[]])[]): string[] {
  const isCommon = (line: string) => all.every(([, lines]) => lines.includes(line));
  const [[, first = []] = []] = all;
  const others = all.flatMap(([protocol, lines]) =>
    lines.filter((line) => !isCommon(line)).map((line) => `${protocol}: ${line}`),
  );
  return [...first.filter(isCommon), ...others];
}
