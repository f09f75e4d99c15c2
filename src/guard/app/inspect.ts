// Reads the state of the guard: root inspects the kernel, other users ask the daemon.

import { PortreeveError } from '../../base/errors.ts';
import { type AssignableIn, type AssignedPorts, assignableNow } from './assigned-ports.ts';
import { findGuard, type GuardChoices, guardState } from './guard.ts';
import type { Impacts } from './impact.ts';
import type { GuardState } from './kernel/kernel.ts';
import type { OtherGuard } from './kernel/pinned.ts';
import { type GuardLacks, guardLacks, type LimitDeps, missingForGuard } from './kernel-limits.ts';
import { isArchiveOfGuard, type Places } from './places.ts';
import { type GuardJson, guardJson, type NoGuardJson } from './report.ts';
import { type Affected, affectedGuard, affectedNow, countAffected, type RestartDeps } from './restarts.ts';

export interface InspectDeps extends RestartDeps {
  readonly assigned: Pick<AssignedPorts, 'inspect'>;
  /** The daemon's report on the guard. */
  readonly queryDaemon: () => Promise<GuardJson | NoGuardJson>;
}

interface InspectRequest {
  readonly places: Places;
  /** Whether a runtime directory was named: then even root asks its daemon. */
  readonly isDaemonNamed: boolean;
  /** The directory of the guard in bpffs. */
  readonly pins: string;
  /** Reads portreeve.toml. Called only once there is an answer. */
  readonly choices: () => Promise<GuardChoices>;
}

interface Inspection {
  readonly guard: GuardJson | NoGuardJson;
  /** Undefined where the daemon was asked, or there is no guard. */
  readonly inspected: Inspected | undefined;
  readonly lacks: GuardLacks;
}

/** What only root can determine; a field is undefined where it is unknown. */
interface Inspected {
  /** How many open sockets violate the rules or need a restart. */
  readonly affected: Pick<Impacts, 'refused' | 'restart'> | undefined;
  /** Where the kernel may assign reserved ports. */
  readonly assignable: readonly AssignableIn[] | undefined;
}

/** Throws PortreeveError `GUARD_UNKNOWN` (environment) where the state is unknown, with what was tried. */
export async function inspectGuard(
  deps: InspectDeps,
  { places, isDaemonNamed, pins, choices: read }: InspectRequest,
): Promise<Inspection | OtherGuard> {
  const isDirect = deps.uid === 0 && !isDaemonNamed;
  const state = isDirect ? findGuard(deps, pins) : undefined;
  if (state && 'abi' in state) return state;
  const guard = isDirect ? guardJson(state) : await queryDaemon(deps);
  const choices = await read();
  const inspected = state && {
    affected: countAffected(deps, state, places, choices),
    assignable: assignableIn(deps, state, places),
  };
  // A daemon that was named may use another archive, unless that was named as well.
  const isKnown = isArchiveOfGuard(places) && (places.state !== undefined || !isDaemonNamed);
  const revision = 'revision' in guard ? guard.revision : undefined;
  const lacks = guardLacks({ ...deps, archive: isKnown ? deps.archive : undefined }, revision, choices);
  return { guard, inspected, lacks };
}

async function queryDaemon(
  deps: LimitDeps & Pick<InspectDeps, 'queryDaemon'>,
): Promise<GuardJson | NoGuardJson> {
  try {
    return await deps.queryDaemon();
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError) || deps.uid === 0) throw thrown;
    const certain = missingForGuard(deps).filter(({ has }) => has === false);
    const missing = certain.map(({ message, hint }) => `${message}. ${hint}`).join(' ');
    const message = `only root can inspect the kernel, and ${thrown.message}`;
    const hint = 'Run it as root, for example with sudo, or start the daemon as root: portreeve serve';
    const all = missing === '' ? message : `${message}; ${missing}`;
    throw new PortreeveError('GUARD_UNKNOWN', all, hint, { uid: deps.uid });
  }
}

/** Where the kernel may assign ports that the enforced profile reserves; undefined where that is unknown. */
function assignableIn(
  deps: Pick<InspectDeps, 'archive' | 'assigned'>,
  state: GuardState,
  places: Places,
): readonly AssignableIn[] | undefined {
  return isArchiveOfGuard(places) ? assignableNow(deps, state) : undefined;
}

/** The same in all namespaces except this process's, which the doctor inspects itself; empty without root. */
export function assignableElsewhereThan(
  deps: Pick<InspectDeps, 'archive' | 'assigned' | 'bpf' | 'uid'>,
  pins: string,
): readonly AssignableIn[] {
  if (deps.uid !== 0) return [];
  const state = guardState(deps, pins);
  const own = deps.bpf.namespaceCookie();
  return (state && assignableNow(deps, state))?.filter(({ cookie }) => cookie !== own) ?? [];
}

/** The guard, and the open sockets that violate its rules or need a restart. */
interface Restarts extends Affected {
  readonly guard: GuardState;
}

/** Undefined where the guard is off, or is not attached. Throws what affectedBy() throws. */
export function inspectRestarts(
  deps: RestartDeps,
  places: Places,
  choices: GuardChoices,
): Restarts | undefined {
  const guard = affectedGuard(deps, places, choices.pins);
  return guard && { guard, ...affectedNow(deps, guard, choices) };
}
