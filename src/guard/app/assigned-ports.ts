// Excludes reserved ports from automatic assignment, in every network namespace that the guard covers.
import { PortreeveError, requireFailure } from '../../base/errors.ts';
import type {
  KernelBpf,
  NetworkNamespaces,
  SysctlRecords,
  Sysctls,
  VisibleNamespaces,
} from '../../host/host.ts';
import { RESERVED_PORTS } from '../../names/core/kernel-ports.ts';
import { profileAfter } from '../../profile/app/in-force.ts';
import type { ProfileArchive } from '../../profile/core/archive.ts';
import { EMPTY_PROFILE, type Profile } from '../../profile/core/rules.ts';
import { namespaceName } from '../../text/namespace.ts';
import { assignablePorts, type PortSettingNote, type PortSettingScope } from '../core/port-settings.ts';
import type { GuardState } from './kernel/kernel.ts';
import { SysctlKeeper } from './sysctl-keeper.ts';

/** A namespace that is gone, or whose list could not be written, is skipped for this many checks. */
const CHECKS_PER_RETRY = 60;

interface AssignedPortsDeps {
  readonly bpf: Pick<KernelBpf, 'namespaceCookie'>;
  readonly namespaces: NetworkNamespaces;
  /** The settings of the namespace of this thread. */
  readonly sysctls: Sysctls;
  readonly records: SysctlRecords;
}

/** The network namespaces that a guard covers. */
export interface GuardReach {
  /** The cookie of the namespace in which it was started. */
  readonly home: bigint;
  /** The cookies of all covered namespaces, including `home`. */
  readonly namespaces: readonly bigint[];
  /** Whether the whole host is judged. Only then does the profile also set the ephemeral range of `home`. */
  readonly isWholeHost: boolean;
}

/** A namespace in which the kernel may assign reserved ports. */
export interface AssignableIn {
  readonly cookie: bigint;
  /** "web", "pid:812", or "cookie:4711" where it has neither a name nor a visible process. */
  readonly name: string;
  readonly isHome: boolean;
  /** The ports; undefined where the list cannot be read. */
  readonly ports: readonly number[] | undefined;
  /** Why the ports are unknown; otherwise empty. */
  readonly reason: string;
}

/** The result of the last check of a namespace. */
interface Checked {
  readonly profile: Profile;
  /** The list, which contains all reserved ports of the profile; undefined where it could not be written. */
  readonly text: string | undefined;
  readonly notes: readonly PortSettingNote[];
  /** How many checks to skip. */
  wait: number;
}

/** Writes the lists, each with its own record. The caller holds the guard's lock, so that only one instance writes. */
export class AssignedPorts {
  readonly #deps: AssignedPortsDeps;
  /** The path by which each namespace was last found. */
  readonly #paths = new Map<bigint, string>();
  readonly #checked = new Map<bigint, Checked>();
  #visible: VisibleNamespaces | undefined;

  constructor(deps: AssignedPortsDeps) {
    this.#deps = deps;
  }

  /** Writes the lists for a profile in all covered namespaces, and restores those of other namespaces. */
  apply(profile: Profile, reach: GuardReach): PortSettingNote[] {
    this.#visible = undefined;
    const cookies = [reach.home, ...reach.namespaces.filter((cookie) => cookie !== reach.home)];
    const restored = this.#restoreOthers(new Set(cookies));
    return [...restored, ...cookies.flatMap((cookie) => this.#applyIn(profile, cookie, reach))];
  }

  /** Writes the list of one more namespace, which has the path `path`, before the guard covers it. */
  prepare(profile: Profile, cookie: bigint, path: string): PortSettingNote[] {
    this.#visible = undefined;
    this.#paths.set(cookie, path);
    return this.#applyIn(profile, cookie, undefined);
  }

  /** Restores all lists. */
  restore(home: bigint): PortSettingNote[] {
    this.#visible = undefined;
    this.#checked.clear();
    const notes = this.#noted(home, true, () => this.#keeper(home, 'all').apply(EMPTY_PROFILE).notes);
    return [...notes, ...this.#restoreOthers(new Set([home]))];
  }

  /**
   * Puts the reserved ports of a profile back into lists from which another program removed them. An unchanged list is
   * only read.
   */
  check(profile: Profile, reach: GuardReach): PortSettingNote[] {
    this.#visible = undefined;
    const there = new Set(reach.namespaces);
    for (const cookie of this.#checked.keys()) if (!there.has(cookie)) this.#checked.delete(cookie);
    const notes = reach.namespaces.flatMap((cookie) => this.#checkIn(profile, cookie, reach.home));
    return [...notes, ...this.#restoreOthers(there)];
  }

  /** The namespaces in which the kernel may assign reserved ports of a profile. Nothing is written. */
  inspect(profile: Profile, { home, namespaces }: Pick<GuardReach, 'home' | 'namespaces'>): AssignableIn[] {
    this.#visible = undefined;
    return namespaces.flatMap((cookie): AssignableIn[] => {
      const isHome = cookie === home;
      try {
        const ports = this.#inside(cookie, () =>
          assignablePorts(profile, this.#deps.sysctls.read(RESERVED_PORTS)),
        );
        if (!ports || ports.size === 0) return [];
        return [{ cookie, name: this.#nameOf(cookie), isHome, ports: [...ports], reason: '' }];
      } catch (thrown) {
        if (!(thrown instanceof PortreeveError)) throw thrown;
        return [{ cookie, name: this.#nameOf(cookie), isHome, ports: undefined, reason: thrown.message }];
      }
    });
  }

  #applyIn(profile: Profile, cookie: bigint, reach: GuardReach | undefined): PortSettingNote[] {
    const isHome = cookie === reach?.home;
    const scope = isHome && reach.isWholeHost ? 'all' : 'reserved ports';
    return this.#noted(cookie, isHome, () => this.#keeper(cookie, scope).apply(profile).notes);
  }

  #checkIn(profile: Profile, cookie: bigint, home: bigint): readonly PortSettingNote[] {
    const last = this.#checked.get(cookie);
    const isSameProfile = last?.profile === profile;
    if (isSameProfile && last.wait > 0) {
      last.wait--;
      return last.notes;
    }
    const isHome = cookie === home;
    let text: string | undefined;
    const notes = this.#noted(cookie, isHome, () => {
      const found = this.#deps.sysctls.read(RESERVED_PORTS);
      const isLeftAlone = isSameProfile && last.text === found;
      const isWhole = isLeftAlone || assignablePorts(profile, found).size === 0;
      const plan = isWhole ? undefined : this.#keeper(cookie, 'reserved ports').apply(profile);
      text = plan ? this.#deps.sysctls.read(RESERVED_PORTS) : found;
      return plan?.notes ?? [];
    });
    // A list that another program changed during the write is checked again at once. A namespace that is gone does not
    // come back.
    const isContested = notes.some(({ code }) => code === 'SYSCTL_NOT_KEPT');
    const wait = text === undefined && !isContested ? CHECKS_PER_RETRY : 0;
    this.#checked.set(cookie, { profile, text, notes, wait });
    return notes;
  }

  /** Restores the lists of namespaces that are no longer covered; of one that is gone only the record is removed. */
  #restoreOthers(there: ReadonlySet<bigint>): PortSettingNote[] {
    return this.#deps.records.cookies().flatMap((cookie) => {
      if (there.has(cookie)) return [];
      // It may have been the home of another guard, which also set the range.
      return this.#noted(cookie, false, () => this.#keeper(cookie, 'all').apply(EMPTY_PROFILE).notes);
    });
  }

  /** To be called inside the namespace. */
  #keeper(cookie: bigint, scope: PortSettingScope): SysctlKeeper {
    const { sysctls, records } = this.#deps;
    return new SysctlKeeper({ sysctls, record: records.of(cookie), scope });
  }

  /** Calls `act` in a namespace. A failure becomes a note, so that the other namespaces are still handled. */
  #noted(cookie: bigint, isHome: boolean, act: () => readonly PortSettingNote[]): PortSettingNote[] {
    try {
      const notes = this.#inside(cookie, act) ?? [];
      return isHome ? [...notes] : notes.map((note) => this.#placed(cookie, note));
    } catch (thrown) {
      if (!(thrown instanceof PortreeveError)) throw thrown;
      const { code, message, hint } = thrown;
      const note: PortSettingNote = { severity: 'warning', code, message, hint, source: undefined };
      return [isHome ? note : this.#placed(cookie, note)];
    }
  }

  #placed(cookie: bigint, note: PortSettingNote): PortSettingNote {
    return { ...note, message: `in the network namespace ${this.#nameOf(cookie)}: ${note.message}` };
  }

  #nameOf(cookie: bigint): string {
    const path = this.#paths.get(cookie);
    const pid = path === undefined ? undefined : PROCESS.exec(path)?.[1];
    if (pid !== undefined) return `pid:${pid}`;
    return path === undefined ? `cookie:${cookie}` : namespaceName(path);
  }

  /**
   * Calls `act` inside a namespace. Returns undefined where it is gone, and removes its record. Throws PortreeveError
   * `NAMESPACE_UNSEEN` (environment) where it may exist, but no visible path leads to it.
   */
  #inside<Result>(cookie: bigint, act: () => Result): Result | undefined {
    if (cookie === this.#deps.bpf.namespaceCookie()) return act();
    const known = this.#enter(this.#paths.get(cookie), cookie, act) ?? this.#enterAgain(cookie, act);
    if (known) return known.result;
    if (!this.#visible?.isComplete) throw notVisible(cookie);
    this.#deps.records.forget(cookie);
    return undefined;
  }

  /** Looks up the current path of the namespace. */
  #enterAgain<Result>(cookie: bigint, act: () => Result): { readonly result: Result } | undefined {
    this.#paths.delete(cookie);
    this.#visible ??= this.#deps.namespaces.visible();
    const there = this.#visible.namespaces.find((one) => one.cookie === cookie);
    if (!there) return undefined;
    const path = there.paths[0] ?? `/proc/${there.pid}/ns/net`;
    this.#paths.set(cookie, path);
    return this.#enter(path, cookie, act);
  }

  /** A path may lead to another namespace by now, for example if the process number was reused. */
  #enter<Result>(
    path: string | undefined,
    cookie: bigint,
    act: () => Result,
  ): { readonly result: Result } | undefined {
    if (path === undefined) return undefined;
    return this.#deps.namespaces.within(path, (found) => (found === cookie ? { result: act() } : undefined));
  }
}

const PROCESS = /^\/proc\/([0-9]+)\/ns\/net$/;

function notVisible(cookie: bigint): PortreeveError {
  const message = `the kernel may assign reserved ports there: could not find the namespace (cookie ${cookie})`;
  const hint = 'Run portreeve on the host, where all processes are visible.';
  return new PortreeveError('NAMESPACE_UNSEEN', message, hint, { cookie: `${cookie}` });
}

/** The network namespaces that a guard covers. */
export function reachOf(
  bpf: Pick<KernelBpf, 'cgroupId' | 'cgroupRoot'>,
  { home, namespaces, cgroupId }: Pick<GuardState, 'home' | 'namespaces' | 'cgroupId'>,
): GuardReach {
  return { home, namespaces, isWholeHost: cgroupId === bpf.cgroupId(bpf.cgroupRoot()) };
}

/**
 * The profile whose reserved ports must be excluded now: the enforced one. Undefined where none is enforced, where the
 * archive does not know it, and during a trial, because only the tables revert by themselves.
 */
export function enforcedProfile(
  archive: ProfileArchive,
  { mode, trialMs, revision }: Pick<GuardState, 'mode' | 'trialMs' | 'revision'>,
): Profile | undefined {
  if (mode !== 'enforce' || trialMs !== undefined) return undefined;
  try {
    return profileAfter(archive, revision).profile;
  } catch (thrown) {
    requireFailure(thrown);
    return undefined;
  }
}

/** Where the kernel may assign ports that the enforced profile reserves; undefined where none is enforced. */
export function assignableNow(
  deps: { readonly archive: ProfileArchive; readonly assigned: Pick<AssignedPorts, 'inspect'> },
  state: GuardState,
): readonly AssignableIn[] | undefined {
  const profile = enforcedProfile(deps.archive, state);
  return profile && deps.assigned.inspect(profile, state);
}
