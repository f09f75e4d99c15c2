// Lists, adds and removes the network namespaces that the guard covers.
import { PortreeveError } from '../../base/errors.ts';
import type { NetworkNamespaces } from '../../host/host.ts';
import { type NamespacePlace, parseNamespace } from '../../text/namespace.ts';
import type { PortSettingNote } from '../core/port-settings.ts';
import { type AssignedPorts, enforcedProfile, reachOf } from './assigned-ports.ts';
import { type GuardDeps, guardAbsent } from './guard.ts';
import { GuardKernel } from './kernel/kernel.ts';
import type { GuardedNamespaces, NamedBy } from './kernel/namespaces.ts';

type NamespaceDeps = Pick<GuardDeps, 'bpf' | 'namespaces'>;

interface NamespaceChangeDeps extends NamespaceDeps {
  readonly archive: GuardDeps['archive'];
  readonly assigned: Pick<AssignedPorts, 'apply' | 'prepare'>;
}

/** The result of a change, and notes to print. */
interface NamespaceChange<Result> {
  readonly result: Result;
  readonly notes: readonly PortSettingNote[];
}

/** A namespace that the guard covers. */
export interface NamespaceRow {
  readonly cookie: bigint;
  readonly by: NamedBy;
  /** Where the namespace is mounted, and a process in it. */
  readonly paths: readonly string[];
  readonly pid: number | undefined;
  /** Nothing leads there any more; false where not all processes are visible. */
  readonly isGone: boolean;
}

/** The namespace in which the guard was started is first. Throws PortreeveError `GUARD_ABSENT` (refused). */
export function listNamespaces({ bpf, namespaces }: NamespaceDeps, pins: string): NamespaceRow[] {
  return withGuard({ bpf }, pins, (guard) => rowsOf(guard.namespaces, namespaces));
}

/**
 * Covers one more namespace; the result is false where it was already covered. Throws PortreeveError
 * `NAMESPACE_INVALID` (usage), `NAMESPACE_NOT_FOUND`, `NOT_A_NAMESPACE`, `GUARD_NAMESPACES_FULL` and `GUARD_ABSENT`
 * (refused), and `NAMESPACE_CLOSED` (environment).
 */
export function addNamespace(
  deps: NamespaceChangeDeps,
  pins: string,
  text: string,
): NamespaceChange<boolean> {
  return withGuard(deps, pins, (guard) => {
    dropGone(guard.namespaces, deps.namespaces);
    const { cookie, path } = existing(deps.namespaces, text);
    const profile = enforcedProfile(deps.archive, guard.state());
    const notes = profile && path !== undefined ? deps.assigned.prepare(profile, cookie, path) : [];
    return { result: guard.namespaces.add(cookie), notes };
  });
}

/**
 * Stops covering a namespace; the result is what had added it, undefined where it was not covered. Throws what
 * addNamespace() throws, and `GUARD_HOME` (refused) for the namespace in which the guard was started.
 */
export function removeNamespace(
  deps: NamespaceChangeDeps,
  pins: string,
  text: string,
): NamespaceChange<NamedBy | undefined> {
  return withGuard(deps, pins, (guard) => {
    const { namespaces } = guard;
    const cookie = cookieOf(deps.namespaces, placeOf(text), text);
    const there = namespaces.list().find((one) => one.cookie === cookie);
    if (there) namespaces.remove(cookie);
    dropGone(namespaces, deps.namespaces);
    const state = guard.state();
    const profile = enforcedProfile(deps.archive, state);
    const notes = profile ? deps.assigned.apply(profile, reachOf(deps.bpf, state)) : [];
    return { result: there?.by, notes };
  });
}

/** Changes a guard under its lock. */
function withGuard<T>({ bpf }: Pick<NamespaceDeps, 'bpf'>, pins: string, act: (guard: GuardKernel) => T): T {
  const guard = GuardKernel.open(bpf, pins);
  if (!guard) throw guardAbsent();
  try {
    return guard.locked(() => act(guard));
  } finally {
    guard.close();
  }
}

function rowsOf(guarded: GuardedNamespaces, host: NetworkNamespaces): NamespaceRow[] {
  const { namespaces, isComplete } = host.visible();
  const there = new Map(namespaces.map((one) => [one.cookie, one]));
  return guarded.list().map(({ cookie, by }) => {
    const { paths = [], pid } = there.get(cookie) ?? {};
    return { cookie, by, paths, pid, isGone: isComplete && by !== 'home' && !there.has(cookie) };
  });
}

/** No process can bind a port in a namespace to which nothing leads. */
function dropGone(guarded: GuardedNamespaces, host: NetworkNamespaces): void {
  for (const { cookie, isGone } of rowsOf(guarded, host)) if (isGone) guarded.remove(cookie);
}

/** A cookie is accepted only of a namespace that exists: any other would never be found again. */
function existing(
  host: NetworkNamespaces,
  text: string,
): { readonly cookie: bigint; readonly path: string | undefined } {
  const place = placeOf(text);
  const cookie = cookieOf(host, place, text);
  if ('path' in place) return { cookie, path: place.path };
  const there = host.visible().namespaces.find((one) => one.cookie === cookie);
  if (!there) throw absent(text);
  return { cookie, path: there.paths[0] ?? `/proc/${there.pid}/ns/net` };
}

function placeOf(text: string): NamespacePlace {
  const place = parseNamespace(text);
  if (place) return place;
  const hint = 'Use a name that "ip netns" lists, an absolute path, pid:NUMBER or cookie:NUMBER.';
  throw new PortreeveError('NAMESPACE_INVALID', `"${text}" is not a network namespace`, hint, {
    value: text,
  });
}

function cookieOf(host: NetworkNamespaces, place: NamespacePlace, text: string): bigint {
  if ('cookie' in place) return place.cookie;
  const cookie = host.cookieAt(place.path);
  if (cookie === undefined) throw absent(text);
  return cookie;
}

function absent(text: string): PortreeveError {
  const message = `there is no network namespace ${text}`;
  const hint = 'List them: ip netns (with a name), lsns --type net (of processes)';
  return new PortreeveError('NAMESPACE_NOT_FOUND', message, hint, { value: text });
}
