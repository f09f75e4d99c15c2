// The table of registrations: the address of each program, its owner, and who may change it. Pure.
import { REGISTRATIONS_MAX, REGISTRATIONS_PER_USER_MAX } from '../../base/limits.ts';
import { NETIDS, type NetId, netIdInfo, type ServiceAddress } from '../../base/netid.ts';

/** The uid of the user who registered; undefined if unknown. */
export type Owner = number | undefined;

/** The owner as rpcbind shows it: "superuser" for uid 0, "unknown", or the decimal uid. */
export function ownerName(owner: Owner): string {
  if (owner === undefined) return 'unknown';
  return owner === 0 ? 'superuser' : `${owner}`;
}

/** The address of one version of a program over one transport. */
export interface Registration extends ServiceAddress {
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  readonly owner: Owner;
  /** An entry of the port mapper itself, which cannot be removed. */
  readonly builtIn: boolean;
  /** Registered from another network namespace, whose sockets are not visible here. */
  readonly isElsewhere?: boolean;
}

/** A change was refused because it could not be logged; `failure` is the name of the errno, or the reason as text. */
export interface Unwritten {
  readonly refused: 'UNWRITTEN';
  readonly failure: string;
}

/** Why a change was refused. */
export type ChangeRefusal =
  | { readonly refused: 'TAKEN' | 'NOT_OWNER' | 'BUILT_IN'; readonly existing: Registration }
  | { readonly refused: 'FULL' | 'USER_FULL' }
  | Unwritten;

/** The log to which changes are written before they are made. */
export interface ChangeLog {
  adding(registration: Registration): Unwritten | undefined;
  removing(registration: Registration): Unwritten | undefined;
}

const NO_LOG: ChangeLog = { adding: () => undefined, removing: () => undefined };

/** The result of an UNSET: what was removed, and the last entry that was not, with the reason. */
interface UnsetResult {
  readonly removed: readonly Registration[];
  readonly kept?: { readonly existing: Registration; readonly refusal: ChangeRefusal };
}

/** The target of an UNSET; every transport if `netids` is absent. */
export interface UnsetTarget {
  readonly program: number;
  readonly version: number;
  readonly netids?: readonly NetId[];
}

/** The entries of one program: by version and transport, and the most recent one of each transport. */
class ProgramEntries {
  readonly #byKey = new Map<number, Registration>();
  readonly #lastOf: (Registration | undefined)[] = NETIDS.map(() => undefined);

  /** A version has 32 bits and a transport index 3: the key is exact in a double. */
  static #key(version: number, netidIndex: number): number {
    return version * 8 + netidIndex;
  }

  exact(version: number, netidIndex: number): Registration | undefined {
    return this.#byKey.get(ProgramEntries.#key(version, netidIndex));
  }

  last(netidIndex: number): Registration | undefined {
    return this.#lastOf[netidIndex];
  }

  get size(): number {
    return this.#byKey.size;
  }

  versions(netidIndex: number): { low: number; high: number } | undefined {
    let range: { low: number; high: number } | undefined;
    for (const { version, netid } of this.#byKey.values()) {
      if (netIdInfo(netid).index !== netidIndex) continue;
      range = range
        ? { low: Math.min(range.low, version), high: Math.max(range.high, version) }
        : { low: version, high: version };
    }
    return range;
  }

  add(registration: Registration): void {
    const { index } = netIdInfo(registration.netid);
    this.#byKey.set(ProgramEntries.#key(registration.version, index), registration);
    this.#lastOf[index] = registration;
  }

  remove(registration: Registration): void {
    const { index } = netIdInfo(registration.netid);
    this.#byKey.delete(ProgramEntries.#key(registration.version, index));
    if (this.#lastOf[index] !== registration) return;
    let last: Registration | undefined;
    for (const other of this.#byKey.values()) if (other.netid === registration.netid) last = other;
    this.#lastOf[index] = last;
  }
}

/** An unknown caller owns nothing, not even a registration of an unknown owner: only root may remove that. */
function refusalToRemove(existing: Registration, caller: Owner): ChangeRefusal | undefined {
  if (existing.builtIn) return { refused: 'BUILT_IN', existing };
  const isOwner = caller !== undefined && caller === existing.owner;
  return caller === 0 || isOwner ? undefined : { refused: 'NOT_OWNER', existing };
}

/** All registrations, oldest first. */
export class Registrations {
  readonly #programs = new Map<number, ProgramEntries>();
  readonly #all = new Set<Registration>();
  readonly #countOf = new Map<Owner, number>();
  readonly #log: ChangeLog;
  #revision = 0;

  constructor(log: ChangeLog = NO_LOG) {
    this.#log = log;
  }

  /** Changes with every change of the table, so that caches can be invalidated. */
  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The entries, oldest first. */
  all(): SetIterator<Registration> {
    return this.#all.values();
  }

  /** The entry of exactly this version. */
  exact(program: number, version: number, netidIndex: number): Registration | undefined {
    return this.#programs.get(program)?.exact(version, netidIndex);
  }

  /**
   * The entry of this version, else the most recent one of the program and transport. Clients rely on that: the service
   * then reports its versions with PROG_MISMATCH (RFC 1833 section 2.2.1).
   */
  find(program: number, version: number, netidIndex: number): Registration | undefined {
    const entries = this.#programs.get(program);
    return entries && (entries.exact(version, netidIndex) ?? entries.last(netidIndex));
  }

  /** The lowest and the highest version of a program over a transport; undefined if none is registered. */
  versions(program: number, netidIndex: number): { low: number; high: number } | undefined {
    return this.#programs.get(program)?.versions(netidIndex);
  }

  /** Adds an entry. Adding it again has no effect; another address for the same key is refused. */
  set(registration: Registration): { readonly added: boolean } | ChangeRefusal {
    const { program, version, netid, uaddr, owner } = registration;
    const existing = this.exact(program, version, netIdInfo(netid).index);
    if (existing) return existing.uaddr === uaddr ? { added: false } : { refused: 'TAKEN', existing };
    if (this.#all.size >= REGISTRATIONS_MAX) return { refused: 'FULL' };
    const held = this.#countOf.get(owner) ?? 0;
    if (owner !== 0 && held >= REGISTRATIONS_PER_USER_MAX) return { refused: 'USER_FULL' };
    const unwritten = registration.builtIn ? undefined : this.#log.adding(registration);
    if (unwritten) return unwritten;
    this.#add(registration);
    return { added: true };
  }

  /** Adds an entry that is in the log already; returns the entry that it replaced. */
  restore(registration: Registration): Registration | undefined {
    const { program, version, netid } = registration;
    const existing = this.exact(program, version, netIdInfo(netid).index);
    if (existing?.builtIn) return undefined;
    if (existing) this.#remove(existing);
    this.#add(registration);
    return existing;
  }

  /** Removes and returns an entry whose removal is in the log already. */
  forget(program: number, version: number, netid: NetId): Registration | undefined {
    const existing = this.exact(program, version, netIdInfo(netid).index);
    if (!existing || existing.builtIn) return undefined;
    this.#remove(existing);
    return existing;
  }

  /** Removes an entry, unless that cannot be logged. */
  drop(registration: Registration): Unwritten | undefined {
    const unwritten = this.#log.removing(registration);
    if (!unwritten) this.#remove(registration);
    return unwritten;
  }

  /**
   * Removes the entries that the caller may remove: root all but the port mapper's own, a user those it owns. It is not
   * refused if there is no such entry.
   */
  unset(target: UnsetTarget, caller: Owner): UnsetResult {
    const entries = this.#programs.get(target.program);
    const removed: Registration[] = [];
    let kept: UnsetResult['kept'];
    for (const netid of target.netids ?? NETIDS) {
      const existing = entries?.exact(target.version, netIdInfo(netid).index);
      if (!existing) continue;
      const refusal = refusalToRemove(existing, caller) ?? this.drop(existing);
      if (refusal) kept = { existing, refusal };
      else removed.push(existing);
    }
    return kept ? { removed, kept } : { removed };
  }

  #add(registration: Registration): void {
    let entries = this.#programs.get(registration.program);
    if (!entries) {
      entries = new ProgramEntries();
      this.#programs.set(registration.program, entries);
    }
    entries.add(registration);
    this.#all.add(registration);
    this.#countOf.set(registration.owner, (this.#countOf.get(registration.owner) ?? 0) + 1);
    this.#revision++;
  }

  #remove(registration: Registration): void {
    const entries = this.#programs.get(registration.program);
    entries?.remove(registration);
    if (entries?.size === 0) this.#programs.delete(registration.program);
    this.#all.delete(registration);
    const held = (this.#countOf.get(registration.owner) ?? 1) - 1;
    if (held === 0) this.#countOf.delete(registration.owner);
    else this.#countOf.set(registration.owner, held);
    this.#revision++;
  }
}
