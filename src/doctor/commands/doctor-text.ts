// Findings of the doctor for people and for programs, what fixes them, and what a code means.

import { join } from 'node:path';
import type { Io } from '../../kit/io.ts';
import { counted, emphasize, hangingLine, json } from '../../kit/text.ts';
import type { Examination } from '../app/examine.ts';
import { commandsOf, type FixPlan, isDone, type UndoPlan } from '../app/fix.ts';
import type { Check } from '../core/findings/check.ts';
import type { Finding } from '../core/findings/checks/all.ts';
import type { Severity } from '../core/findings/finding.ts';
import type { DoctorOptions } from './index.ts';

/** A finding, with the reason if it is suppressed. */
interface Reported {
  readonly finding: Finding;
  readonly reason: string | undefined;
}

/** The findings, and with `isAll` those that are suppressed as well. */
function reportedOf({ findings, suppressed }: Examination, isAll: boolean): Reported[] {
  const reported = findings.map((finding) => ({ finding, reason: undefined }));
  return isAll ? [...reported, ...suppressed] : reported;
}

/** The findings, those of one code and severity together, and how many there are. */
export function examinationText(io: Io, examination: Examination, isAll: boolean): string {
  const groups = Map.groupBy(reportedOf(examination, isAll), ({ finding, reason }) => {
    return JSON.stringify([finding.severity, finding.code, reason]);
  });
  const blocks = [...groups.values()].map((alike) => blockText(io, alike));
  return [...blocks, `${summary(examination, isAll)}\n`].join('\n');
}

const INDENT = '  ';
const BULLET = '- ';

/** What they have in common is said once. */
function blockText(io: Io, alike: readonly Reported[]): string {
  const [first] = alike;
  if (!first) return '';
  const { severity, title, code, why } = first.finding;
  const commonOf = (texts: readonly string[]) => (new Set(texts).size === 1 ? (texts[0] ?? '') : undefined);
  const advice = commonOf(alike.map(({ finding }) => finding.advice));
  const fix = commonOf(alike.map(({ finding }) => fixText(finding)));
  const seen = alike.flatMap(({ finding }) => {
    const own = [
      ...(fix === undefined ? [fixText(finding)] : []),
      ...(advice === undefined ? [finding.advice] : []),
    ].filter((text) => text !== '');
    const bullet = alike.length > 1 ? BULLET : '';
    const indent = `${INDENT}${' '.repeat(bullet.length)}`;
    return [
      hangingLine(io, `${INDENT}${bullet}`, finding.seen),
      ...own.map((text) => hangingLine(io, indent, text)),
    ];
  });
  const suppressed = first.reason === undefined ? '' : `suppressed: ${first.reason}`;
  const common = [sentence(why), fix ?? '', advice ?? '', suppressed].filter((text) => text !== '');
  const heading = emphasize(io, `${severity}: ${title} (${code})`);
  return [`${heading}\n`, ...seen, ...common.map((text) => hangingLine(io, INDENT, text))].join('');
}

function fixText({ remedy }: Finding): string {
  return remedy ? 'To mend it: portreeve doctor --fix' : '';
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function summary({ findings, suppressed }: Examination, isAll: boolean): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const kinds = [
    [count('error'), 'error'],
    [count('warning'), 'warning'],
    [count('info'), 'note'],
  ] as const;
  const counts = kinds.flatMap(([number, thing]) => (number === 0 ? [] : counted(number, thing)));
  const what = counts.length === 0 ? 'nothing was found' : counts.join(', ');
  const hidden =
    suppressed.length === 0 ? '' : `; ${suppressed.length} suppressed${isAll ? '' : ' (--all shows them)'}`;
  const more = findings.length === 0 ? '' : '\nWhat one means: portreeve doctor CODE';
  return `${what}${hidden}${more}`;
}

/** The same for programs; `planOf` says how a finding is mended. */
export function examinationJson(
  examination: Examination,
  isAll: boolean,
  planOf: (finding: Finding) => FixPlan | undefined,
): string {
  const findings = reportedOf(examination, isAll).map(({ finding, reason }) => {
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
  const { suppressed, unknown } = examination;
  return json({ findings, suppressed: suppressed.length, unknown: unknown });
}

/** What a plan does, as `--json` has it. */
export function planJson(plan: FixPlan) {
  return {
    commands: commandsOf(plan),
    files: plan.files.map(({ path, after }) => ({ path, text: after })),
    notes: plan.notes,
  };
}

const NOTHING_TO_FIX = 'nothing that the doctor can mend by itself was found\n';

/** What a plan would do. */
export function planText(plan: FixPlan, options: DoctorOptions): string {
  if (isDone(plan)) return NOTHING_TO_FIX;
  const indented = (text: string) => text.replace(/^(?=.)/gm, '  ');
  return [
    ...commandsOf(plan).map((command) => `would run: ${command}\n`),
    ...plan.files.map(({ path, after }) => `would write ${placeOf(path, options)}:\n${indented(after)}`),
    ...plan.notes.map((note) => `by hand: ${note}\n`),
    `nothing was done; to do it: ${commandWith('--fix --yes', options)}\n`,
  ].join('');
}

/** What was done. */
export function doneText(plan: FixPlan, options: DoctorOptions): string {
  if (isDone(plan)) return NOTHING_TO_FIX;
  return [
    ...commandsOf(plan).map((command) => `did: ${command}\n`),
    ...plan.files.map(({ path }) => `wrote ${placeOf(path, options)}\n`),
    ...plan.notes.map((note) => `by hand: ${note}\n`),
    `to take it back: ${commandWith('--undo', options)}\n`,
  ].join('');
}

/** What was taken back. */
export function undoneJson({ settings, files, left }: UndoPlan) {
  const changed = files.map(({ path, text }) => ({ path, text: text ?? null }));
  return { commands: commandsOf({ settings }), files: changed, left };
}

export function undoneText({ settings, files }: UndoPlan, options: DoctorOptions): string {
  const lines = [
    ...commandsOf({ settings }).map((command) => `did: ${command}\n`),
    ...files.map(
      ({ path, text }) => `${text === undefined ? 'removed' : 'put back'} ${placeOf(path, options)}\n`,
    ),
  ];
  return lines.length === 0 ? 'nothing was to be taken back\n' : lines.join('');
}

/** The command that goes on with what was named. */
function commandWith(what: string, { root, state, config }: DoctorOptions): string {
  const named = Object.entries({ root, state, config }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
  return ['portreeve doctor', what, ...named].join(' ');
}

/** Where a file of the system that is mended is for us. */
export function placeOf(path: string, { root }: DoctorOptions): string {
  return root === undefined ? path : join(root, path);
}

/** What the findings of a check mean. */
export function checkText(io: Io, { code, title, severities, why, explanation }: Check): string {
  // Also where it is no terminal that it is written to: it is prose.
  const page = { ...io, columns: Math.min(io.columns ?? PAGE_COLUMNS, PAGE_COLUMNS) };
  return [
    `${emphasize(io, `${code}: ${title}`)}\n`,
    hangingLine(page, '', `${severities.join(' or ')}: ${why}`),
    ...explanation.map((each) => `\n${hangingLine(page, '', each)}`),
  ].join('');
}

const PAGE_COLUMNS = 100;

/** The same for programs. */
export function checkJson({ code, title, severities, why, explanation }: Check): string {
  return json({ code, title, severities, why, explanation });
}
