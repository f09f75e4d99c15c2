// `portreeve doctor`: what is wrong with the ports of this host or will go wrong, what it means, and what mends it.

import { existsSync } from 'node:fs';
import { EXIT_CODES, PortreeveError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type Io, needRoot } from '../../kit/io.ts';
import { json } from '../../kit/text.ts';
import { examine, isAtLeast, remedyOf } from '../app/examine.ts';
import { fix, fixOf, planFix, undoFixes } from '../app/fix.ts';
import { CODES, checkOf, type Finding } from '../core/findings/checks/all.ts';
import { SEVERITIES, type Severity } from '../core/findings/finding.ts';
import { doctorChoices, doctorDeps, fixDeps } from './doctor-deps.ts';
import {
  checkJson,
  checkText,
  doneText,
  examinationJson,
  examinationText,
  placeOf,
  planJson,
  planText,
  undoneJson,
  undoneText,
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
  requireRoot(options);
  const least = severityOf(options.failOn ?? 'warning');
  if (options.undo) return undoCommand(options, io);
  const { choices, suppressions } = await doctorChoices(options, io);
  const examination = await examine(doctorDeps(options, io), choices, suppressions);
  const { findings, idle, unknown } = examination;
  if (!options.json) for (const reason of unknown) io.err(`portreeve: not looked at: ${reason}\n`);
  if (options.fix) return fixCommand(findings, options, io);
  const isAll = options.all ?? false;
  if (options.json) {
    const deps = fixDeps(options, io);
    io.out(examinationJson(examination, isAll, (finding) => fixOf(finding, deps)));
  } else io.out(examinationText(io, examination, isAll));
  for (const { code: idleCode, port } of isAll ? idle : []) {
    const at = port === undefined ? '' : ` of port ${port}`;
    io.err(`portreeve: [doctor] suppress has ${idleCode}${at}, and there is no such finding\n`);
  }
  return findings.some((finding) => isAtLeast(finding, least)) ? EXIT_CODES.refused : 0;
}

function severityOf(text: string): Severity {
  const severity = SEVERITIES.find((each) => each === text);
  if (severity) return severity;
  const hint = `It is one of ${SEVERITIES.join(', ')}.`;
  throw new PortreeveError('SEVERITY_INVALID', `"${text}" is not a severity`, hint, { value: text });
}

function yesAlone(): PortreeveError {
  const hint = 'To mend what can be mended: portreeve doctor --fix --yes';
  return new PortreeveError('USAGE', '--yes is for --fix', hint);
}

/** Nothing is to be made where there is no system. */
function requireRoot({ root }: DoctorOptions): void {
  if (root === undefined || existsSync(root)) return;
  throw new PortreeveError('FILE_MISSING', `there is no directory ${root}`, 'Check --root.', {
    root,
  });
}

function explainCode(text: string, options: DoctorOptions, io: Io): number {
  if (options.fix || options.undo || options.yes) {
    const hint = 'All is mended but what portreeve.toml suppresses: portreeve doctor --fix';
    throw new PortreeveError('USAGE', 'a code is only explained, and not mended alone', hint);
  }
  const code = text.toUpperCase();
  const check = checkOf(code);
  if (!check) {
    const known = nearest(code, CODES);
    const hint = known === undefined ? 'All codes: man portreeve-doctor' : `Did you mean ${known}?`;
    throw new PortreeveError('CODE_UNKNOWN', `there is no finding "${text}"`, hint, { value: text });
  }
  io.out(options.json ? checkJson(check) : checkText(io, check));
  return 0;
}

/** `portreeve doctor --fix`: shows what it would do, and with `--yes` does it. */
function fixCommand(findings: readonly Finding[], options: DoctorOptions, io: Io): number {
  if (options.yes && options.root === undefined) needRoot(io, 'mend what the doctor found');
  const remedy = remedyOf(findings);
  const deps = fixDeps(options, io);
  const plan = options.yes ? fix(remedy, deps) : planFix(remedy, deps);
  if (options.json) io.out(json(planJson(plan)));
  else io.out(options.yes ? doneText(plan, options) : planText(plan, options));
  return 0;
}

/** `portreeve doctor --undo` */
async function undoCommand(options: DoctorOptions, io: Io): Promise<number> {
  if (options.root === undefined) needRoot(io, 'take back what the doctor mended');
  const plan = await undoFixes(fixDeps(options, io), doctorDeps(options, io));
  io.out(options.json ? json(undoneJson(plan)) : undoneText(plan, options));
  for (const path of plan.left) {
    io.err(`portreeve: ${placeOf(path, options)} was changed since, and is left as it is\n`);
  }
  return plan.left.length === 0 ? 0 : EXIT_CODES.refused;
}
