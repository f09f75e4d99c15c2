// Has the profile in force enforced, or only observed: from the settled trial to the sockets that are open already.

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
import { notesBeside, requireExact, statementLimits } from './kernel-limits.ts';
import { type Concerned, concernedNow, type RestartDeps, unlessUnknown } from './restarts.ts';

/** What it takes. */
interface ModeDeps extends GuardDeps, RestartDeps {
  readonly files: RestartDeps['files'];
}

/** What is requested. */
interface ModeRequest {
  readonly mode: 'enforce' | 'observe';
  readonly choices: GuardChoices;
  /** Change nothing where the kernel cannot obey the profile exactly. */
  readonly isExact: boolean;
}

/** What is known as soon as it is, so that it can be shown also where what comes later fails. */
export type ModeStep =
  | ({ readonly step: 'settled' } & Settled)
  | { readonly step: 'checked'; readonly limits: readonly Limit[] };

/** What the guard does then, and the sockets that are open already, or why they are not known. */
interface ModeChange extends Guarded {
  readonly concerned: Concerned | PortreeveError;
}

/** Throws PortreeveError `GUARD_INEXACT` (refused), and what startGuard() throws: then the guard is as it was. */
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
  const concerned = unlessUnknown(() => concernedNow(deps, state, choices));
  return { state, notes: notesBeside(notes, limits), concerned };
}
