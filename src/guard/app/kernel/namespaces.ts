// The network namespaces that the guard covers: the one in which it was started, and others that were added.
import { PortreeveError } from '../../../base/errors.ts';
import { GUARD_NAMESPACES_MAX } from '../../../base/limits.ts';
import type { KernelMap, NetworkNamespaces } from '../../../host/host.ts';
import type { PortSettingNote } from '../../core/port-settings.ts';
import { bytes32, bytes64 } from './map-bytes.ts';

/** Why a namespace is covered: the guard was started there, or the command or portreeve.toml added it. */
export type NamedBy = 'home' | 'command' | 'settings';

interface GuardedNamespace {
  readonly cookie: bigint;
  readonly by: NamedBy;
}

/** The values in the map. The programs only check whether there is a value. */
const BY = { command: 1, settings: 2 } as const;

type NamespaceMap = Pick<KernelMap, 'delete' | 'keys' | 'lookup' | 'update'>;

/** The namespaces of one guard, in its map in the kernel. */
export class GuardedNamespaces {
  readonly #map: NamespaceMap;
  readonly #home: bigint;

  constructor(map: NamespaceMap, home: bigint) {
    this.#map = map;
    this.#home = home;
  }

  /** The namespace in which the guard was started, then the others, oldest first. */
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
   * Covers a namespace; false where it was already covered. One that the command added remains the command's when
   * portreeve.toml names it as well. Throws PortreeveError `GUARD_NAMESPACES_FULL` (refused).
   */
  add(cookie: bigint, by: keyof typeof BY = 'command'): boolean {
    const all = this.list();
    const there = all.find((one) => one.cookie === cookie);
    if (there?.by === 'home' || there?.by === 'command') return false;
    if (!there && all.length >= GUARD_NAMESPACES_MAX) throw full();
    this.#map.update(bytes64(cookie), bytes32(BY[by]));
    return !there;
  }

  /** Stops covering a namespace; false where it was not covered. Throws PortreeveError `GUARD_HOME` (refused). */
  remove(cookie: bigint): boolean {
    if (cookie === this.#home) throw isHome();
    return this.#map.delete(bytes64(cookie));
  }
}

function numberIn(key: Uint8Array): bigint {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getBigUint64(0, true);
}

/** Prepares a namespace before the guard covers it. Returns notes to print. */
export type Prepare = (cookie: bigint, path: string) => readonly PortSettingNote[];

/**
 * Covers the namespaces at the paths that portreeve.toml names. Removes those that it named before and no longer names,
 * and those that are gone, whatever added them; where not all processes are visible, none counts as gone. A namespace
 * that has lost its name but still has processes is kept.
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

/** Turns a failure into a note, so that the other namespaces are still handled. */
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
  const message = `the guard does not cover ${path}: there is no such network namespace`;
  const hint = 'Once it exists, the daemon adds it; without a daemon, run: portreeve guard enforce';
  throw new PortreeveError('NAMESPACE_ABSENT', message, hint, { path });
}

function dropOthers(guarded: GuardedNamespaces, host: NetworkNamespaces, named: ReadonlySet<bigint>): void {
  const candidates = guarded.list().filter(({ cookie, by }) => by !== 'home' && !named.has(cookie));
  if (candidates.length === 0) return;
  const { namespaces, isComplete } = host.visible();
  const there = new Map(namespaces.map((one) => [one.cookie, one]));
  for (const { cookie, by } of candidates) {
    const found = there.get(cookie);
    const isUnnamed = by === 'settings' && found !== undefined && found.paths.length > 0;
    const isGone = isComplete && !found;
    if (isGone || isUnnamed) guarded.remove(cookie);
  }
}

function full(): PortreeveError {
  const message = `the guard already covers ${GUARD_NAMESPACES_MAX} network namespaces, the maximum`;
  const hint =
    'To list them: portreeve guard namespaces. To remove one: portreeve guard namespaces remove NAME';
  return new PortreeveError('GUARD_NAMESPACES_FULL', message, hint);
}

function isHome(): PortreeveError {
  const message = 'the guard was started in this network namespace and always covers it';
  return new PortreeveError('GUARD_HOME', message, 'To stop the guard: portreeve guard off');
}
