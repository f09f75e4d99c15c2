// A trial that has gone back by itself is recorded before anything is compared with what is in force.

import { carryOut, planAgain } from '../../profile/app/apply.ts';
import { findGuard, type GuardChoices, type GuardDeps, settleTrial } from './guard.ts';

/** What it takes. */
interface SettleDeps extends GuardDeps {
  /** Who asks. */
  readonly uid: number;
}

/** What was settled. */
export interface Settled {
  /** What became of the counters of an older portreeve's guard; undefined where none was taken over. */
  readonly countersTakenOver: 'kept' | 'zeroed' | undefined;
  /** The revision as which what was before an unconfirmed trial is recorded; undefined where none has gone back. */
  readonly wentBackAs: number | undefined;
}

/** Takes over the guard of an older portreeve, and records what a trial has gone back to. */
export function settle(deps: SettleDeps, choices: GuardChoices): Settled {
  const found = findGuard(deps, choices.pins);
  const isOlder = found && 'abi' in found && found.isAttached;
  const wentBackAs = settleTrial(deps, choices, (revision) => carryOut(deps, planAgain(deps, revision)));
  const countersTakenOver = isOlder ? ('judged' in found.counters ? 'kept' : 'zeroed') : undefined;
  return { countersTakenOver, wentBackAs };
}
