// The network namespaces in which the policy holds: that of the guard, and others that were named.
import { PortreeveError } from '../../../base/errors.ts';
import { GUARD_NAMESPACES_MAX } from '../../../base/limits.ts';
import type { KernelMap, NetworkNamespaces } from '../../../host/host.ts';
import type { PortSettingNote } from '../../core/port-settings.ts';
import { bytes32, bytes64 } from './map-bytes.ts';

/** Why the policy holds in a namespace: it was started there, by the command, or by portreeve.toml. */
export type NamedBy = 'home' | 'command' | 'settings';

/** One in which it holds. */
interface GuardedNamespace {
  readonly cookie: bigint;
  readonly by: NamedBy;
}

/** The values in the map: the programs look only whether there is one. */
const BY = { command: 1, settings: 2 } as const;

type NamespaceMap = Pick<KernelMap, 'delete' | 'keys' | 'lookup' | 'update'>;

/** Those of one guard, as they are in the kernel. */
export class GuardedNamespaces {
  readonly #map: NamespaceMap;
  readonly #home: bigint;

  constructor(map: NamespaceMap, home: bigint) {
    this.#map = map;
    this.#home = home;
  }

  /** The guard's own first, then the others from the oldest on. */
  list(): GuardedNamespace[] {
    const cookies = [...this.#map.keys()].map((key) => numberIn(key));
    const others = cookies.filter((cookie) => cookie !== this.#home).sort((a, b) => (a < b ? -1 : 1));
    return [
      { cookie: this.#home, by: 'home' },
      ...others.map((cookie) => ({ cookie, by: this.#byOf(cookie) })),
    ];
  }

  #byOf(cookie: bigint): NamedBy {
    const value = this.#map.lookup(bytes64(cookie));
    return value?.[0] === BY.settings ? 'settings' : 'command';
  }

  /**
   * The policy holds there, too. What the command has named stays so when portreeve.toml names it. False where it held
   * there already. Throws PortreeveError `GUARD_NAMESPACES_FULL` (refused).
   */
  add(cookie: bigint, by: keyof typeof BY = 'command'): boolean {
    const all = this.list();
    const there = all.find((one) => one.cookie === cookie);
    if (there?.by === 'home' || there?.by === 'command') return false;
    if (!there && all.length >= GUARD_NAMESPACES_MAX) throw full();
    this.#map.update(bytes64(cookie), bytes32(BY[by]));
    return !there;
  }

  /** False where it did not hold there. Throws PortreeveError `GUARD_HOME` (refused). */
  remove(cookie: bigint): boolean {
    if (cookie === this.#home) throw isHome();
    return this.#map.delete(bytes64(cookie));
  }
}

function numberIn(key: Uint8Array): bigint {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0, true);
}

/** What is done in a namespace before the policy holds there, and what is to be reported of it. */
export type Prepare = (cookie: bigint, path: string) => readonly PortSettingNote[];

/**
 * Has the policy hold in the namespaces that portreeve.toml names by their files. It no longer holds in those that it
 * named before and does not name now; nor in those to which nothing leads any more, whoever named them: where not all
 * can be seen they stay. One that has lost its name and still has processes stays, too.
 */
export function keepNamespaces(
  guarded: GuardedNamespaces,
  host: NetworkNamespaces,
  wanted: readonly string[],
  prepare: Prepare = () => [],
): PortSettingNote[] {
  const notes: PortSettingNote[] = [];
  const places = wanted.flatMap((path) => {
    const cookie = orNote(notes, () => cookieAt(host, path));
    return cookie === undefined ? [] : [{ path, cookie }];
  });
  orNote(notes, () => dropOthers(guarded, host, new Set(places.map(({ cookie }) => cookie))));
  const there = new Set(guarded.list().map(({ cookie }) => cookie));
  for (const { path, cookie } of places) {
    orNote(notes, () => {
      if (!there.has(cookie)) notes.push(...prepare(cookie, path));
      guarded.add(cookie, 'settings');
    });
  }
  return notes;
}

/** What cannot be done is told, and the rest goes on. */
function orNote<T>(notes: PortSettingNote[], act: () => T): T | undefined {
  try {
    return act();
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    const { code, message, hint } = thrown;
    notes.push({ severity: 'warning', code, message, hint, source: undefined });
    return undefined;
  }
}

function cookieAt(host: NetworkNamespaces, path: string): bigint {
  const cookie = host.cookieAt(path);
  if (cookie !== undefined) return cookie;
  const message = `the policy does not hold in ${path}: there is no such network namespace`;
  const hint = 'When it is there: portreeve guard enforce. The daemon sees it by itself.';
  throw new PortreeveError('NAMESPACE_ABSENT', message, hint, { path });
}

function dropOthers(guarded: GuardedNamespaces, host: NetworkNamespaces, named: ReadonlySet<bigint>): void {
  const doubtful = guarded.list().filter(({ cookie, by }) => by !== 'home' && !named.has(cookie));
  if (doubtful.length === 0) return;
  const { namespaces, isComplete } = host.seen();
  const there = new Map(namespaces.map((one) => [one.cookie, one]));
  for (const { cookie, by } of doubtful) {
    const found = there.get(cookie);
    const isUnnamed = by === 'settings' && found !== undefined && found.paths.length > 0;
    const isGone = isComplete && !found;
    if (isGone || isUnnamed) guarded.remove(cookie);
  }
}

function full(): PortreeveError {
  const message = `the policy holds in ${GUARD_NAMESPACES_MAX} network namespaces, and there is room for no more`;
  const hint = 'Look which could go: portreeve guard namespaces';
  return new PortreeveError('GUARD_NAMESPACES_FULL', message, hint);
}

function isHome(): PortreeveError {
  const message = 'it is the network namespace in which the guard was started';
  return new PortreeveError('GUARD_HOME', message, 'There it ends with: portreeve guard off');
}
