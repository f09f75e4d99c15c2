// What can be wrong with the guard in the kernel, and what to do about it.

import { PortreeveError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import { verifierSummary } from '../../../bpf/verifier-log.ts';
import { GUARD_ABI } from '../../bpf/layout.ts';

/** Something that is not ours has our place. */
export function foreign(pins: string): PortreeveError {
  const hint = 'Look with bpftool what it is; take it away, or name another directory.';
  return new PortreeveError('GUARD_FOREIGN', `what is at ${pins} is not portreeve's guard`, hint);
}

/** There is a guard, or a part of one, already. */
export function isThere(pins: string): PortreeveError {
  const hint = 'Look with portreeve guard what it is; take it away, or name another directory.';
  return new PortreeveError('GUARD_THERE', `there is something at ${pins} already`, hint);
}

/** The guard is one of a newer portreeve, which alone knows what is in its tables. */
export function newer(pins: string, abi: number): PortreeveError {
  const tables = `its tables have the layout ${abi}, and this one knows ${GUARD_ABI}`;
  const message = `the guard at ${pins} is of a newer portreeve: ${tables}`;
  const hint = 'Use that version, or take the guard out with it: portreeve guard off.';
  return new PortreeveError('GUARD_NEWER', message, hint, { abi, ours: GUARD_ABI });
}

/** The guard is one of an older portreeve, and nobody has said by which profile it would be taken over. */
export function older(pins: string, abi: number): PortreeveError {
  const tables = `its tables have the layout ${abi}, and this one makes ${GUARD_ABI}`;
  const message = `the guard at ${pins} is of an older portreeve: ${tables}`;
  const hint = 'It is taken over, and nothing is open in between, by: portreeve guard enforce (or observe).';
  return new PortreeveError('GUARD_OLDER', message, hint, { abi, ours: GUARD_ABI });
}

/** The programs of the guard no longer hang in a cgroup: nothing is judged. */
export function detached(pins: string): PortreeveError {
  const message = `the guard at ${pins} judges nothing: its cgroup is gone, or its programs were taken out of it`;
  const hint = 'Put it in anew: portreeve guard enforce (or observe).';
  return new PortreeveError('GUARD_DETACHED', message, hint);
}

/** Others took the guard out, or put another one in its place, while we had it open. */
export function gone(pins: string): PortreeveError {
  const message = `the guard at ${pins} was taken out or exchanged meanwhile`;
  return new PortreeveError('GUARD_GONE', message, 'Nothing was changed. Try again.');
}

/** Others have put tables in force since we looked. */
export function moved(): PortreeveError {
  const message = 'another process has changed what is in force meanwhile';
  return new PortreeveError('GUARD_MOVED', message, 'Nothing was changed. Try again.');
}

/** Nothing is changed while a profile is on trial. */
export function trialRuns(): PortreeveError {
  const hint = 'Keep it with portreeve confirm, or wait until it has gone back.';
  return new PortreeveError('GUARD_TRIAL', 'a profile is on trial', hint);
}

/** A trial has just ended by itself, which is recorded before anything else is put in force. */
export function trialEnded(): PortreeveError {
  const message = 'a trial has just ended, and what was before it is in force again';
  return new PortreeveError('GUARD_TRIAL_ENDED', message, 'Nothing was changed. Try again.');
}

/**
 * The error for a program that was refused, `BPF_PROGRAM_REFUSED` (environment), with a summary; any other as it is.
 */
export function explained(thrown: unknown, program: Program): unknown {
  if (!(thrown instanceof PortreeveError) || thrown.code !== 'BPF_PROGRAM_REFUSED') return thrown;
  const { code, message, hint, data } = thrown;
  const log = typeof data['log'] === 'string' ? data['log'] : '';
  return new PortreeveError(code, `${message}: ${verifierSummary(log, program)}`, hint, data);
}
