// The command `portreeve doctor`: reports findings, explains a code, and applies or undoes fixes.

import { existsSync } from 'node:fs';
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { examine, isAtLeast, remedyOf } from '../app/examine.ts';
import { fix, fixOf, planFix, undoFixes } from '../app/fix.ts';
import { CODES, checkOf, type Finding } from '../core/findings/checks/all.ts';
import { SEVERITIES, type Severity } from '../core/findings/finding.ts';
import { doctorDeps, doctorSettings, fixDeps } from './doctor-deps.ts';
import {
  appliedText,
  checkJson,
  checkText,
  examinationJson,
  examinationText,
  pathIn,
  planJson,
  planText,
  undoJson,
  undoText,
} from './doctor-text.ts';
import type { DoctorOptions } from './index.ts';

/** `portreeve doctor` */
export async function doctorCommand(
  code: string | undefined,
  options: DoctorOptions,
  io: Io,
): Promise<number> {
  if (code !== undefined) return explainCode(code, options, io);
  if (options.yes && !options.fix) throw yesAlone();
  requireTree(options);
  const least = severityOf(options.failOn ?? 'warning');
  if (options.undo) return undoCommand(options, io);
  const { settings, suppressions } = await doctorSettings(options, io);
  const examination = await examine(doctorDeps(options, io), settings, suppressions);
  const { findings, unused, unknown } = examination;
  if (!options.json) for (const reason of unknown) io.err(`portreeve: not checked: ${reason}\n`);
  if (options.fix) return fixCommand(findings, options, io);
  const isAll = options.all ?? false;
  if (options.json) {
    const deps = fixDeps(options, io);
    io.out(examinationJson(examination, isAll, (finding) => fixOf(finding, deps)));
  } else io.out(examinationText(io, examination, isAll));
  for (const { code: unusedCode, port } of isAll ? unused : []) {
    const at = port === undefined ? '' : ` for port ${port}`;
    io.err(`portreeve: [doctor] suppress lists ${unusedCode}${at}, but there is no such finding\n`);
  }
  return findings.some((finding) => isAtLeast(finding, least)) ? EXIT_CODES.refused : 0;
}

function severityOf(text: string): Severity {
  const severity = SEVERITIES.find((each) => each === text);
  if (severity) return severity;
  const hint = `Use one of ${SEVERITIES.join(', ')}.`;
  throw new PortreeveError('SEVERITY_INVALID', `"${text}" is not a severity`, hint, { value: text });
}

function yesAlone(): PortreeveError {
  const hint = 'To apply all fixes: portreeve doctor --fix --yes';
  return new PortreeveError('USAGE', '--yes requires --fix', hint);
}

/** A mistyped --root must not create a tree. */
function requireTree({ root }: DoctorOptions): void {
  if (root === undefined || existsSync(root)) return;
  throw new PortreeveError('FILE_MISSING', `there is no directory ${root}`, 'Check --root.', {
    root,
  });
}

function explainCode(text: string, options: DoctorOptions, io: Io): number {
  if (options.fix || options.undo || options.yes) {
    const hint = 'To fix all findings that portreeve.toml does not suppress: portreeve doctor --fix';
    throw new PortreeveError('USAGE', 'a code can be explained, but not fixed on its own', hint);
  }
  const code = text.toUpperCase();
  const check = checkOf(code);
  if (!check) {
    const known = nearest(code, CODES);
    const hint = known === undefined ? 'To list all codes: man portreeve-doctor' : `Did you mean ${known}?`;
    throw new PortreeveError('CODE_UNKNOWN', `"${text}" is not the code of a finding`, hint, { value: text });
  }
  io.out(options.json ? checkJson(check) : checkText(io, check));
  return 0;
}

/** `portreeve doctor --fix`: prints the changes, and applies them with `--yes`. */
function fixCommand(findings: readonly Finding[], options: DoctorOptions, io: Io): number {
  if (options.yes && options.root === undefined) needRoot(io, 'fix what the doctor found');
  const remedy = remedyOf(findings);
  const deps = fixDeps(options, io);
  const plan = options.yes ? fix(remedy, deps) : planFix(remedy, deps);
  if (options.json) io.out(json(planJson(plan)));
  else io.out(options.yes ? appliedText(plan, options) : planText(plan, options));
  return 0;
}

/** `portreeve doctor --undo` */
async function undoCommand(options: DoctorOptions, io: Io): Promise<number> {
  if (options.root === undefined) needRoot(io, 'undo the fixes of the doctor');
  const plan = await undoFixes(fixDeps(options, io), doctorDeps(options, io));
  io.out(options.json ? json(undoJson(plan)) : undoText(plan, options));
  for (const path of plan.skipped) {
    io.err(`portreeve: ${pathIn(path, options)} was changed after the fix, and is not restored\n`);
  }
  return plan.skipped.length === 0 ? 0 : EXIT_CODES.refused;
}
