// An explanation of a port for people: the answer in a line, then what it rests on, a label for each part.

import type { Io } from '../../kit/io.ts';
import { emphasize, hangingLine } from '../../kit/text.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { EXPLAINED_PARTS } from './explain-parts.ts';

type Answer = Explanation['answer'];

/** The longest label has eight characters. */
const INDENT = 10;
/** What can be done stands below the answer, and what is too long for a line below that. */
const REMEDY = '  ';
const REMEDY_INDENT = 4;

/** The answers, then the parts: once where TCP and UDP have the same to say, else for each. */
export function explanationText(io: Io, explanations: readonly Explanation[]): string {
  const answers = Map.groupBy(explanations, ({ answer }) => JSON.stringify(answer));
  const heads = [...answers.values()].flatMap((alike) => {
    const ports = alike.map(({ port, protocol }) => `${port}/${protocol}`).join(' and ');
    return alike.slice(0, 1).map(({ answer }) => answerText(io, ports, answer));
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

function answerText(io: Io, ports: string, answer: Answer): string {
  const said = `${VERDICTS[answer.can](answer)}: ${answer.why}.`;
  const lines = answer.remedies.map(({ text, command }) =>
    command === undefined
      ? hangingLine(io, REMEDY, `${text}.`, REMEDY_INDENT)
      : hangingLine(io, REMEDY, `${text}:`, REMEDY_INDENT, command),
  );
  return [hangingLine(io, `${emphasize(io, ports)} `, said, REMEDY_INDENT), ...lines].join('');
}

const DENIED: ReadonlySet<Answer['cause']> = new Set(['REFUSED', 'PRIVILEGED']);

const VERDICTS: Readonly<Record<Answer['can'], (answer: Answer) => string>> = {
  yes: () => 'can be had',
  no: ({ cause }) => (DENIED.has(cause) ? 'cannot be had' : 'is taken'),
  unsure: ({ likely }) => (likely === 'yes' ? 'can probably be had' : 'is probably taken'),
};

/** First what all say, then what only one says, behind its protocol. */
function merged(said: readonly (readonly [protocol: string, lines: readonly string[]])[]): string[] {
  const isCommon = (line: string) => said.every(([, lines]) => lines.includes(line));
  const [[, first = []] = []] = said;
  const others = said.flatMap(([protocol, lines]) =>
    lines.filter((line) => !isCommon(line)).map((line) => `${protocol}: ${line}`),
  );
  return [...first.filter(isCommon), ...others];
}
