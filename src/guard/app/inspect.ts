// What the kernel goes by, and whether it does: root looks into the kernel, everybody else asks the daemon.

import { PortreeveError } from '../../base/errors.ts';
import { type AssignableIn, type AssignedPorts, assignableNow } from './assigned-ports.ts';
import { findGuard, type GuardChoices, guardState } from './guard.ts';
import type { Impacts } from './impact.ts';
import type { GuardState } from './kernel/kernel.ts';
import type { OtherGuard } from './kernel/pinned.ts';
import { type GuardLacks, guardLacks, type LimitDeps, missingForGuard } from './kernel-limits.ts';
import { isArchiveOfGuard, type Places } from './places.ts';
import { type GuardJson, guardJson, type NoGuardJson } from './report.ts';
import {
  type Concerned,
  concernedNow,
  countConcerned,
  guardConcerned,
  type RestartDeps,
} from './restarts.ts';

/** What it takes. */
export interface InspectDeps extends RestartDeps {
  readonly assigned: Pick<AssignedPorts, 'inspect'>;
  /** What the daemon reports of the guard. */
  readonly askDaemon: () => Promise<GuardJson | NoGuardJson>;
}

/** What is requested. */
interface InspectRequest {
  readonly places: Places;
  /** Whether the daemon of a runtime directory was named: then it is asked also by root. */
  readonly isDaemonNamed: boolean;
  /** Where the names of the guard are. */
  readonly pins: string;
  /** What portreeve.toml says, which is of no use where there is no answer: it is read when there is one. */
  readonly choices: () => Promise<GuardChoices>;
}

/** The guard and all that belongs to it. */
interface Inspection {
  readonly guard: GuardJson | NoGuardJson;
  /** Where we looked into the kernel ourselves, and there is a guard. */
  readonly inspected: Inspected | undefined;
  readonly lacks: GuardLacks;
}

/** What only root sees; undefined is what is not known. */
interface Inspected {
  /** How many sockets are held against the rules, or under rules that have changed. */
  readonly held: Pick<Impacts, 'refused' | 'restart'> | undefined;
  /** Where the kernel may assign reserved ports. */
  readonly assignable: readonly AssignableIn[] | undefined;
}

/** Throws PortreeveError `GUARD_UNKNOWN` (environment) where it is not known, with what was tried. */
export async function inspectGuard(
  deps: InspectDeps,
  { places, isDaemonNamed, pins, choices: read }: InspectRequest,
): Promise<Inspection | OtherGuard> {
  const isLooking = deps.uid === 0 && !isDaemonNamed;
  const state = isLooking ? findGuard(deps, pins) : undefined;
  if (state && 'abi' in state) return state;
  const guard = isLooking ? guardJson(state) : await askDaemon(deps);
  const choices = await read();
  const inspected = state && {
    held: countConcerned(deps, state, places, choices),
    assignable: assignableIn(deps, state, places),
  };
  // So it is with the guard of a daemon that was named.
  const isKnown = isArchiveOfGuard(places) && (places.state !== undefined || !isDaemonNamed);
  const revision = 'revision' in guard ? guard.revision : undefined;
  const lacks = guardLacks({ ...deps, archive: isKnown ? deps.archive : undefined }, revision, choices);
  return { guard, inspected, lacks };
}

async function askDaemon(deps: LimitDeps & Pick<InspectDeps, 'askDaemon'>): Promise<GuardJson | NoGuardJson> {
  try {
    return await deps.askDaemon();
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || deps.uid === 0) throw thrown;
    const certain = missingForGuard(deps).filter(({ has }) => has === false);
    const missing = certain.map(({ message, hint }) => `${message}. ${hint}`).join(' ');
    const message = `only root can look into the kernel, and ${thrown.message}`;
    const hint = 'Run it as root, such as by sudo, or start the daemon as root: portreeve serve';
    const all = missing === '' ? message : `${message}; ${missing}`;
    throw new PortreeveError('GUARD_UNKNOWN', all, hint, { uid: deps.uid });
  }
}

/** Where the kernel may assign ports that the enforced profile reserves; undefined where that is not known. */
function assignableIn(
  deps: Pick<InspectDeps, 'archive' | 'assigned'>,
  state: GuardState,
  places: Places,
): readonly AssignableIn[] | undefined {
  return isArchiveOfGuard(places) ? assignableNow(deps, state) : undefined;
}

/** The same in the namespaces beside ours, which the doctor inspects itself: none where only root could see them. */
export function assignableBeside(
  deps: Pick<InspectDeps, 'archive' | 'assigned' | 'bpf' | 'uid'>,
  pins: string,
): readonly AssignableIn[] {
  if (deps.uid !== 0) return [];
  const state = guardState(deps, pins);
  const own = deps.bpf.namespaceCookie();
  return (state && assignableNow(deps, state))?.filter(({ cookie }) => cookie !== own) ?? [];
}

/** A guard, and the sockets that are held against its rules, or under rules that have changed. */
interface Restarts extends Concerned {
  readonly guard: GuardState;
}

/** Undefined where the guard is off, or is not attached. Throws what concernedBy() throws. */
export function inspectRestarts(
  deps: RestartDeps,
  places: Places,
  choices: GuardChoices,
): Restarts | undefined {
  const guard = guardConcerned(deps, places, choices.pins);
  return guard && { guard, ...concernedNow(deps, guard, choices) };
}
