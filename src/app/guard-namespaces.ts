// The network namespaces of the guard: which there are and what leads to them, one more, one less.
import { PortreeveError } from '../base/errors.ts';
import type { NetworkNamespaces } from '../host/host.ts';
import { GuardKernel } from '../services/guard/kernel.ts';
import type { GuardedNamespaces, NamedBy } from '../services/guard/namespaces.ts';
import { type NamespacePlace, parseNamespace } from '../text/namespace.ts';
import { type GuardDoors, guardAbsent } from './guard.ts';

/** What it takes to look at them. */
export type NamespaceDoors = Pick<GuardDoors, 'bpf' | 'namespaces'>;

/** One in which the policy holds. */
export interface NamespaceRow {
  readonly cookie: bigint;
  readonly by: NamedBy;
  /** The files that it is mounted at, and a process in it. */
  readonly paths: readonly string[];
  readonly pid: number | undefined;
  /** Nothing leads there any more; where not all can be seen that is not known. */
  readonly isGone: boolean;
}

/** Those in which the policy holds, the guard's own first. Throws PortreeveError `GUARD_ABSENT` (refused). */
export function listNamespaces({ bpf, namespaces }: NamespaceDoors, pins: string): NamespaceRow[] {
  return withNamespaces({ bpf }, pins, (guarded) => rowsOf(guarded, namespaces));
}

/**
 * Has the policy hold in one more; false where it held there already. Throws PortreeveError `NAMESPACE_INVALID`
 * (usage), `NAMESPACE_ABSENT`, `NOT_A_NAMESPACE`, `GUARD_NAMESPACES_FULL` and `GUARD_ABSENT` (refused), and
 * `NAMESPACE_CLOSED` (world).
 */
export function addNamespace(doors: NamespaceDoors, pins: string, text: string): boolean {
  return withNamespaces(doors, pins, (guarded) => {
    dropGone(guarded, doors.namespaces);
    return guarded.add(existingCookie(doors.namespaces, text));
  });
}

/**
 * Has the policy hold in one less; undefined where it did not hold there, else who had named it. Throws what
 * addNamespace() throws, and `GUARD_HOME` (refused) for the guard's own.
 */
export function removeNamespace(doors: NamespaceDoors, pins: string, text: string): NamedBy | undefined {
  return withNamespaces(doors, pins, (guarded) => {
    const cookie = cookieOf(doors.namespaces, placeOf(text), text);
    const there = guarded.list().find((one) => one.cookie === cookie);
    if (there) guarded.remove(cookie);
    dropGone(guarded, doors.namespaces);
    return there?.by;
  });
}

function withNamespaces<T>(
  { bpf }: Pick<NamespaceDoors, 'bpf'>,
  pins: string,
  act: (guarded: GuardedNamespaces) => T,
): T {
  const guard = GuardKernel.open(bpf, pins);
  if (!guard) throw guardAbsent();
  try {
    return act(guard.namespaces);
  } finally {
    guard.close();
  }
}

function rowsOf(guarded: GuardedNamespaces, host: NetworkNamespaces): NamespaceRow[] {
  const { namespaces, isComplete } = host.seen();
  const there = new Map(namespaces.map((one) => [one.cookie, one]));
  return guarded.list().map(({ cookie, by }) => {
    const { paths = [], pid } = there.get(cookie) ?? {};
    return { cookie, by, paths, pid, isGone: isComplete && by !== 'home' && !there.has(cookie) };
  });
}

/** Nobody can bind a port in one to which nothing leads. */
function dropGone(guarded: GuardedNamespaces, host: NetworkNamespaces): void {
  for (const { cookie, isGone } of rowsOf(guarded, host)) if (isGone) guarded.remove(cookie);
}

/** A number is taken only of one that is there: others would never be found again. */
function existingCookie(host: NetworkNamespaces, text: string): bigint {
  const place = placeOf(text);
  const cookie = cookieOf(host, place, text);
  if ('cookie' in place && !host.seen().namespaces.some((one) => one.cookie === cookie)) throw absent(text);
  return cookie;
}

function placeOf(text: string): NamespacePlace {
  const place = parseNamespace(text);
  if (place) return place;
  const hint = 'It is a name that "ip netns" lists, an absolute path, pid:NUMBER or cookie:NUMBER.';
  throw new PortreeveError('usage', 'NAMESPACE_INVALID', `"${text}" names no network namespace`, hint, {
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
  const hint = 'Those with a name: ip netns; those of processes: lsns --type net';
  return new PortreeveError('refused', 'NAMESPACE_ABSENT', message, hint, { value: text });
}
