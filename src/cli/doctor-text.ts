// Findings of the doctor for people and for programs, and what a code means.
import {
  CATALOGUE,
  type Code,
  type Examination,
  type Finding,
  type Severity,
} from '../app/doctor/examine.ts';
import { commandsOf, type FixPlan } from '../app/doctor/fix.ts';
import { printable } from '../base/printable.ts';
import type { Io } from './io.ts';
import { emphasize, json } from './text.ts';

/** A finding, with the reason if it is not to be told. */
interface Told {
  readonly finding: Finding;
  readonly reason: string | undefined;
}

/** What is told: the findings, and with `isAll` those that are suppressed as well. */
function toldOf({ findings, suppressed }: Examination, isAll: boolean): Told[] {
  const told = findings.map((finding) => ({ finding, reason: undefined }));
  return isAll ? [...told, ...suppressed] : told;
}

/** The findings, each in a few lines, and how many there are. */
export function examinationText(io: Io, examination: Examination, isAll: boolean): string {
  const blocks = toldOf(examination, isAll).map((told) => findingText(io, told));
  return [...blocks, `${summary(examination, isAll)}\n`].join('\n');
}

function findingText(io: Io, { finding, reason }: Told): string {
  const { severity, code, title, seen, why, advice, remedy } = finding;
  const details = [
    seen,
    sentence(why),
    ...(remedy ? ['To mend it: portreeve doctor --fix'] : []),
    ...(advice === '' ? [] : [advice]),
    ...(reason === undefined ? [] : [`suppressed: ${reason}`]),
  ];
  const heading = emphasize(io, `${severity}: ${title} (${code})`);
  return [heading, ...details.map((detail) => `  ${printable(detail)}`)].map((line) => `${line}\n`).join('');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function summary({ findings, suppressed }: Examination, isAll: boolean): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const counts = [
    counted(count('error'), 'error'),
    counted(count('warning'), 'warning'),
    counted(count('info'), 'note'),
  ].flat();
  const what = counts.length === 0 ? 'nothing was found' : counts.join(', ');
  const hidden =
    suppressed.length === 0 ? '' : `; ${suppressed.length} suppressed${isAll ? '' : ' (--all shows them)'}`;
  const more = findings.length === 0 ? '' : '\nWhat one means: portreeve doctor CODE';
  return `${what}${hidden}${more}`;
}

function counted(count: number, thing: string): string[] {
  return count === 0 ? [] : [`${count} ${thing}${count === 1 ? '' : 's'}`];
}

/** The same for programs; `planOf` says how a finding is mended. */
export function examinationJson(
  examination: Examination,
  isAll: boolean,
  planOf: (finding: Finding) => FixPlan | undefined,
): string {
  const findings = toldOf(examination, isAll).map(({ finding, reason }) => {
    const { code, severity, title, seen, why, ports, protocol, advice } = finding;
    const plan = planOf(finding);
    return {
      code,
      severity,
      title,
      seen,
      why,
      ports,
      protocol: protocol ?? null,
      advice,
      fix: plan ? planJson(plan) : null,
      suppressed: reason ?? null,
    };
  });
  const { suppressed, untold } = examination;
  return json({ findings, suppressed: suppressed.length, untold });
}

/** What a plan does, as `--json` has it. */
export function planJson(plan: FixPlan) {
  return {
    commands: commandsOf(plan),
    files: plan.files.map(({ path, after }) => ({ path, text: after })),
    notes: plan.notes,
  };
}

/** What a code means. */
export function codeText(io: Io, code: Code): string {
  const { title, severities, why, explanation } = CATALOGUE[code];
  const heading = emphasize(io, `${code}: ${title}`);
  const lines = [
    heading,
    `${severities.join(' or ')}: ${why}`,
    ...explanation.flatMap((each) => ['', ...wrapped(io, each)]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const WIDTH_COLUMNS = 100;

/** Lines that fit the terminal. */
function wrapped(io: Io, text: string): string[] {
  const width = Math.min(io.columns ?? WIDTH_COLUMNS, WIDTH_COLUMNS);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
