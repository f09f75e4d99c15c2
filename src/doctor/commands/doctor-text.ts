// Formats findings, fixes, and explanations of codes as text and as JSON.

import { join } from 'node:path';
import type { Io } from '../../kit/io.ts';
import { counted, emphasize, hangingLine, json } from '../../kit/text.ts';
import type { Examination } from '../app/examine.ts';
import { commandsOf, type FixPlan, isDone, type UndoPlan } from '../app/fix.ts';
import type { Check } from '../core/findings/check.ts';
import type { Finding } from '../core/findings/checks/all.ts';
import type { Severity } from '../core/findings/finding.ts';
import type { DoctorOptions } from './index.ts';

interface Reported {
  readonly finding: Finding;
  /** Why it is suppressed; undefined where it is not. */
  readonly reason: string | undefined;
}

/** The findings; with `isAll` also the suppressed ones. */
function reportedOf({ findings, suppressed }: Examination, isAll: boolean): Reported[] {
  const reported = findings.map((finding) => ({ finding, reason: undefined }));
  return isAll ? [...reported, ...suppressed] : reported;
}

/** The findings, grouped by code and severity, and their number. */
export function examinationText(io: Io, examination: Examination, isAll: boolean): string {
  const groups = Map.groupBy(reportedOf(examination, isAll), ({ finding, reason }) => {
    return JSON.stringify([finding.severity, finding.code, reason]);
  });
  const blocks = [...groups.values()].map((group) => blockText(io, group));
  return [...blocks, `${summary(examination, isAll)}\n`].join('\n');
}

const INDENT = '  ';
const BULLET = '- ';

/** Prints what the findings of a group have in common once. */
function blockText(io: Io, group: readonly Reported[]): string {
  const [first] = group;
  if (!first) return '';
  const { severity, title, code, why } = first.finding;
  const commonOf = (texts: readonly string[]) => (new Set(texts).size === 1 ? (texts[0] ?? '') : undefined);
  const advice = commonOf(group.map(({ finding }) => finding.advice));
  const fix = commonOf(group.map(({ finding }) => fixText(finding)));
  const items = group.flatMap(({ finding }) => {
    const own = [
      ...(fix === undefined ? [fixText(finding)] : []),
      ...(advice === undefined ? [finding.advice] : []),
    ].filter((text) => text !== '');
    const bullet = group.length > 1 ? BULLET : '';
    const indent = `${INDENT}${' '.repeat(bullet.length)}`;
    return [
      hangingLine(io, `${INDENT}${bullet}`, finding.what),
      ...own.map((text) => hangingLine(io, indent, text)),
    ];
  });
  const suppressed = first.reason === undefined ? '' : `suppressed: ${first.reason}`;
  const common = [reasonText(why), fix ?? '', advice ?? '', suppressed].filter((text) => text !== '');
  const heading = emphasize(io, `${severity}: ${title} (${code})`);
  return [`${heading}\n`, ...items, ...common.map((text) => hangingLine(io, INDENT, text))].join('');
}

function fixText({ remedy }: Finding): string {
  return remedy ? 'To fix it: portreeve doctor --fix' : '';
}

function reasonText(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function summary({ findings, suppressed }: Examination, isAll: boolean): string {
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length;
  const kinds = [
    [count('error'), 'error'],
    [count('warning'), 'warning'],
    [count('info'), 'info'],
  ] as const;
  const counts = kinds.flatMap(([number, thing]) => (number === 0 ? [] : counted(number, thing)));
  const what = counts.length === 0 ? 'no findings' : counts.join(', ');
  const hidden =
    suppressed.length === 0 ? '' : `; ${suppressed.length} suppressed${isAll ? '' : ' (--all shows them)'}`;
  const more = findings.length === 0 ? '' : '\nTo explain a finding: portreeve doctor CODE';
  return `${what}${hidden}${more}`;
}

/** The output of `--json`; `planOf` returns the fix of a finding. */
export function examinationJson(
  examination: Examination,
  isAll: boolean,
  planOf: (finding: Finding) => FixPlan | undefined,
): string {
  const findings = reportedOf(examination, isAll).map(({ finding, reason }) => {
    const { code, severity, title, what, why, ports, protocol, advice } = finding;
    const plan = planOf(finding);
    return {
      code,
      severity,
      title,
      what,
      why,
      ports,
      protocol: protocol ?? null,
      advice,
      fix: plan ? planJson(plan) : null,
      suppressionReason: reason ?? null,
    };
  });
  const { suppressed, unknown } = examination;
  return json({ findings, suppressedCount: suppressed.length, unknown });
}

/** The output of `--fix --json`. */
export function planJson(plan: FixPlan) {
  return {
    commands: commandsOf(plan),
    files: plan.files.map(({ path, after }) => ({ path, text: after })),
    notes: plan.notes,
  };
}

const NOTHING_TO_FIX = 'there is nothing that the doctor can fix\n';

/** The output of `--fix`. */
export function planText(plan: FixPlan, options: DoctorOptions): string {
  if (isDone(plan)) return NOTHING_TO_FIX;
  const indented = (text: string) => text.replace(/^(?=.)/gm, '  ');
  return [
    ...commandsOf(plan).map((command) => `would run: ${command}\n`),
    ...plan.files.map(({ path, after }) => `would write ${pathIn(path, options)}:\n${indented(after)}`),
    ...plan.notes.map((note) => `by hand: ${note}\n`),
    `nothing was changed; to apply the fixes: ${commandWith('--fix --yes', options)}\n`,
  ].join('');
}

/** The output of `--fix --yes`. */
export function appliedText(plan: FixPlan, options: DoctorOptions): string {
  if (isDone(plan)) return NOTHING_TO_FIX;
  return [
    ...commandsOf(plan).map((command) => `done: ${command}\n`),
    ...plan.files.map(({ path }) => `wrote ${pathIn(path, options)}\n`),
    ...plan.notes.map((note) => `by hand: ${note}\n`),
    `to undo it: ${commandWith('--undo', options)}\n`,
  ].join('');
}

/** The output of `--undo --json`. */
export function undoJson({ settings, files, skipped }: UndoPlan) {
  const restored = files.map(({ path, text }) => ({ path, text: text ?? null }));
  return { commands: commandsOf({ settings }), files: restored, skipped };
}

export function undoText({ settings, files }: UndoPlan, options: DoctorOptions): string {
  const lines = [
    ...commandsOf({ settings }).map((command) => `done: ${command}\n`),
    ...files.map(
      ({ path, text }) => `${text === undefined ? 'removed' : 'restored'} ${pathIn(path, options)}\n`,
    ),
  ];
  return lines.length === 0 ? 'there is nothing to undo\n' : lines.join('');
}

/** A follow-up command with the same options. */
function commandWith(what: string, { root, state, config }: DoctorOptions): string {
  const named = Object.entries({ root, state, config }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
  return ['portreeve doctor', what, ...named].join(' ');
}

/** The path of a file of the examined system, as seen from this host. */
export function pathIn(path: string, { root }: DoctorOptions): string {
  return root === undefined ? path : join(root, path);
}

/** The output of `portreeve doctor CODE`. */
export function checkText(io: Io, { code, title, severities, why, explanation }: Check): string {
  // Prose is wrapped even if the output is not a terminal.
  const page = { ...io, columns: Math.min(io.columns ?? PAGE_COLUMNS, PAGE_COLUMNS) };
  return [
    `${emphasize(io, `${code}: ${title}`)}\n`,
    hangingLine(page, '', `${severities.join(' or ')}: ${why}`),
    ...explanation.map((each) => `\n${hangingLine(page, '', each)}`),
  ].join('');
}

const PAGE_COLUMNS = 100;

/** The output of `portreeve doctor CODE --json`. */
export function checkJson({ code, title, severities, why, explanation }: Check): string {
  return json({ code, title, severities, why, explanation });
}
