// The errors about the guard in the kernel, with what to do about each.

import { PortreeveError } from '../../../base/errors.ts';
import type { Program } from '../../../bpf/program.ts';
import { verifierSummary } from '../../../bpf/verifier-log.ts';
import { GUARD_ABI } from '../../bpf/layout.ts';

/** The objects at the guard's place are not portreeve's. */
export function foreign(pins: string): PortreeveError {
  const hint = 'Inspect it with bpftool; remove it, or use another directory (--pins).';
  return new PortreeveError('GUARD_FOREIGN', `what is at ${pins} is not portreeve's guard`, hint);
}

/** There is already a guard, or a part of one. */
export function isThere(pins: string): PortreeveError {
  const hint = 'Inspect it with portreeve guard; remove it, or use another directory (--pins).';
  return new PortreeveError('GUARD_THERE', `${pins} already exists`, hint);
}

/** A newer portreeve installed the guard, and only that version can read its tables. */
export function newer(pins: string, abi: number): PortreeveError {
  const tables = `its tables have layout ${abi}, this version has layout ${GUARD_ABI}`;
  const message = `a newer portreeve installed the guard at ${pins}: ${tables}`;
  const hint = 'Use that version, or remove the guard with it: portreeve guard off';
  return new PortreeveError('GUARD_NEWER', message, hint, { abi, supported: GUARD_ABI });
}

/** An older portreeve installed the guard, and the caller has no profile with which to replace it. */
export function older(pins: string, abi: number): PortreeveError {
  const tables = `its tables have layout ${abi}, this version has layout ${GUARD_ABI}`;
  const message = `an older portreeve installed the guard at ${pins}: ${tables}`;
  const hint = 'To replace it without a gap: portreeve guard enforce (or observe)';
  return new PortreeveError('GUARD_OLDER', message, hint, { abi, supported: GUARD_ABI });
}

/** The guard's programs are no longer attached to a cgroup: nothing is judged. */
export function detached(pins: string): PortreeveError {
  const message = `the guard at ${pins} does not work: its cgroup is gone, or its programs were detached`;
  const hint = 'To start it again: portreeve guard enforce (or observe)';
  return new PortreeveError('GUARD_DETACHED', message, hint);
}

/** Another process removed or replaced the guard while we had it open. */
export function gone(pins: string): PortreeveError {
  const message = `another process has removed or replaced the guard at ${pins}`;
  return new PortreeveError('GUARD_GONE', message, 'Nothing was changed. Try again.');
}

/** Another process has put tables in force since we read them. */
export function moved(): PortreeveError {
  const message = 'another process has changed the profile in force';
  return new PortreeveError('GUARD_MOVED', message, 'Nothing was changed. Try again.');
}

/** The profile cannot be changed while another one is on trial. */
export function trialRuns(): PortreeveError {
  const hint = 'Wait until it has reverted or, to keep it: portreeve confirm';
  return new PortreeveError('GUARD_TRIAL', 'a profile is on trial', hint);
}

/** A trial has just ended unconfirmed, which must be recorded before any other change. */
export function trialEnded(): PortreeveError {
  const message = 'a trial has just ended, and the profile before it is in force again';
  return new PortreeveError('GUARD_TRIAL_ENDED', message, 'Nothing was changed. Try again.');
}

/** Adds a summary of the verifier's log to `BPF_PROGRAM_REFUSED` (environment); other errors are returned unchanged. */
export function explained(thrown: unknown, program: Program): unknown {
  if (!(thrown instanceof PortreeveError) || thrown.code !== 'BPF_PROGRAM_REFUSED') return thrown;
  const { code, message, hint, data } = thrown;
  const log = typeof data['log'] === 'string' ? data['log'] : '';
  return new PortreeveError(code, `${message}: ${verifierSummary(log, program)}`, hint, data);
}
