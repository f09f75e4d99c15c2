// Sets the guard's mode to enforce or observe: settles a trial, starts the guard, and reports affected open sockets.

import type { PortreeveError } from '../../base/errors.ts';
import { profileInForce } from '../../profile/app/in-force.ts';
import type { Limit } from '../core/limits.ts';
import {
  type GuardChoices,
  type GuardDeps,
  type Guarded,
  guardState,
  type Settled,
  settle,
  startGuard,
} from './guard.ts';
import { otherNotes, requireExact, statementLimits } from './kernel-limits.ts';
import { type Affected, affectedNow, type RestartDeps, unlessUnknown } from './restarts.ts';

interface ModeDeps extends GuardDeps, RestartDeps {
  readonly files: RestartDeps['files'];
}

interface ModeRequest {
  readonly mode: 'enforce' | 'observe';
  readonly choices: GuardChoices;
  /** Change nothing where the kernel cannot enforce the profile exactly. */
  readonly isExact: boolean;
}

/** An intermediate result, which the command prints even if a later step fails. */
export type ModeStep =
  | ({ readonly step: 'settled' } & Settled)
  | { readonly step: 'checked'; readonly limits: readonly Limit[] };

/** The new state, and the affected open sockets or why they are unknown. */
interface ModeChange extends Guarded {
  readonly affected: Affected | PortreeveError;
}

/** Throws PortreeveError `GUARD_INEXACT` (refused) and what startGuard() throws; the guard is then unchanged. */
export function changeMode(
  deps: ModeDeps,
  request: ModeRequest,
  onStep: (step: ModeStep) => void,
): ModeChange {
  const { mode, choices, isExact } = request;
  onStep({ step: 'settled', ...settle(deps, choices) });
  const limits = statementLimits(profileInForce(deps.archive), deps, choices);
  onStep({ step: 'checked', limits });
  if (isExact) requireExact(limits);
  const before = guardState(deps, choices.pins);
  const { state, notes } = startGuard(deps, choices, mode);
  const enforced = before?.mode === 'enforce' && before.isAttached;
  if (mode === 'enforce' && !enforced) deps.enforcing.mark(choices.pins, state.since);
  const affected = unlessUnknown(() => affectedNow(deps, state, choices));
  return { state, notes: otherNotes(notes, limits), affected };
}
