// What can be wrong with the guard in the kernel, and what to do about it.
import { PortreeveError } from '../../base/errors.ts';
import { GUARD_ABI } from '../../bpf/guard-layout.ts';

/** Something that is not ours has our place. */
export function foreign(pins: string): PortreeveError {
  const hint = 'Look with bpftool what it is; take it away, or name another directory.';
  return new PortreeveError('refused', 'GUARD_FOREIGN', `what is at ${pins} is not portreeve's guard`, hint);
}

/** There is a guard, or a part of one, already. */
export function isThere(pins: string): PortreeveError {
  const hint = 'Look with portreeve guard what it is; take it away, or name another directory.';
  return new PortreeveError('refused', 'GUARD_THERE', `there is something at ${pins} already`, hint);
}

/** The guard is one of another portreeve. */
export function otherAbi(pins: string, abi: number): PortreeveError {
  const message = `the guard at ${pins} is of a portreeve with another layout of tables (${abi}, ours is ${GUARD_ABI})`;
  const hint =
    'Use that portreeve, or take the guard out and put it in again: portreeve guard off, then guard enforce.';
  return new PortreeveError('refused', 'GUARD_OTHER_ABI', message, hint);
}

/** Nothing is changed while a profile is on trial. */
export function trialRuns(): PortreeveError {
  const hint = 'Keep it with portreeve confirm, or wait until it has gone back.';
  return new PortreeveError('refused', 'GUARD_TRIAL', 'a profile is on trial', hint);
}
