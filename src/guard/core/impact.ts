// Judges an open socket by changed rules: it is kept, it would be refused, or it needs a restart.
import { formatIp, type IpAddress } from '../../base/address.ts';
import type { KernelPorts } from '../../names/core/kernel-ports.ts';
import { decide } from '../../profile/core/decide.ts';
import type { Profile, RuleSource } from '../../profile/core/rules.ts';
import type { RuleTable } from '../../profile/core/table.ts';
import type { BindRequest, Verdict } from '../../profile/core/verdict.ts';
import type { ListedSocket } from '../../sockets/core/socket-snapshot.ts';

/** An open socket and its owner, as the guard would judge it. */
interface Holder {
  readonly seen: ListedSocket;
  /** The groups of the user who created it, including the primary group. */
  readonly groups: readonly number[];
  /** The rules that were enforced when it was bound, as far as known; undefined if none were. */
  readonly boundUnder: RuleTable | undefined;
}

/** The rules before and after a change, and the settings that matter. */
export interface Change {
  /** Undefined where there were no rules. */
  readonly before: RuleTable | undefined;
  readonly after: RuleTable;
  readonly ports: Pick<KernelPorts, 'ephemeral' | 'unprivilegedStart'>;
  /** The errno(3) of a refusal, and of one on ports 512-1023. */
  readonly errno: string;
  readonly errnoLow: string;
}

/** A property that a socket gets only at bind(2), and that differs under the new rules. */
export type Difference =
  | { readonly what: 'BIND'; readonly from: IpAddress; readonly to: IpAddress }
  | { readonly what: 'SHAREPORT' | 'NODELAYACKS'; readonly from: boolean; readonly to: boolean };

/** What a change means for an open socket. */
export interface Impact {
  readonly seen: ListedSocket;
  /**
   * `refused`: bind(2) would fail now. `restart`: bind(2) would give it other properties than it has. `kept`: it has
   * the properties that it would get.
   */
  readonly effect: 'refused' | 'restart' | 'kept';
  /** The verdict by the new rules, and by the rules before; undefined where there were none. */
  readonly after: Verdict;
  readonly before: Verdict | undefined;
  /** The statement that causes this; undefined where there is none. */
  readonly rule: RuleSource | undefined;
  /** With `refused`: the errno(3) of bind(2). */
  readonly errno: string | undefined;
  /** With `restart`: the properties that differ. */
  readonly differences: readonly Difference[];
  /** The kernel may have assigned the port (bind(2) to port 0). Such a bind is not refused; it gets another port. */
  readonly mayBeAssigned: boolean;
}

/**
 * The profile as the guard enforces it: at bind(2), even where WHENLISTEN specifies listen(2). The rule tables in this
 * file must be built from this profile.
 */
export function judgedAtBind(profile: Profile): Profile {
  return { ...profile, unreserved: profile.unreserved.map((rule) => ({ ...rule, when: 'WHENBIND' })) };
}

/** Judges a socket; undefined where it did not get its port by its own bind(2) to that port. */
export function impactOn(holder: Holder, change: Change): Impact | undefined {
  const { before, after, ports } = change;
  const { seen, boundUnder } = holder;
  const { protocol, local, uid } = seen.socket;
  const { first, last } = ports.ephemeral;
  const mayBeAssigned = local.port >= first && local.port <= last;
  const tables = [before, after, boundUnder];
  const isReserved = tables.some((table) => table?.[protocol].at(local.port) !== undefined);
  if (uid === undefined || !isJudged(seen, mayBeAssigned, isReserved)) return undefined;
  const judge = new Judge(holder, uid, ports.unprivilegedStart);
  const now = judge.verdict(after);
  const differences = now.allowed ? judge.differences(after) : [];
  return {
    seen,
    effect: now.allowed ? (differences.length > 0 ? 'restart' : 'kept') : 'refused',
    after: now,
    before: before && judge.verdict(before),
    rule: now.rule ?? (differences.length > 0 ? judge.causeOf(after) : undefined),
    errno: errnoOf(now, local.port, change),
    differences,
    mayBeAssigned,
  };
}

/**
 * Whether a socket probably requested its port. The kernel assigns ports from the ephemeral range; a TCP connection has
 * the port of its listener or an assigned one. In the ephemeral range, listening sockets are judged, and bound ones
 * only if their port is reserved.
 */
function isJudged({ socket }: ListedSocket, isEphemeral: boolean, isReserved: boolean): boolean {
  const { state } = socket;
  if (state === 'LISTEN') return true;
  if (state === 'BOUND' || state === 'UNCONNECTED') return !isEphemeral || isReserved;
  return socket.protocol === 'udp' && !isEphemeral;
}

/** Judges one holder by several rule tables. */
class Judge {
  readonly #holder: Holder;
  readonly #uid: number;
  readonly #unprivilegedStart: number;
  /** The address that it requested, as far as can be determined. */
  readonly #requested: IpAddress;

  constructor(holder: Holder, uid: number, unprivilegedStart: number) {
    this.#holder = holder;
    this.#uid = uid;
    this.#unprivilegedStart = unprivilegedStart;
    this.#requested = this.#requestedAddress();
  }

  verdict(table: RuleTable, address = this.#requested): Verdict {
    const { seen, groups } = this.#holder;
    const { socket, job, aliases = [] } = seen;
    const { protocol, local } = socket;
    const uid = this.#uid;
    const request = {
      operation: 'bind',
      protocol,
      address,
      port: local.port,
      job,
      aliases,
      uid,
      groups,
    } as const;
    return decide(table, { ...request, lowPortCapable: this.#isLowPortCapable(table, request) });
  }

  differences(after: RuleTable): Difference[] {
    const { boundUnder, seen } = this.#holder;
    const from = granted(boundUnder && this.verdict(boundUnder), this.#requested);
    const to = granted(this.verdict(after), this.#requested);
    const address = seen.socket.local.address;
    const differences: Difference[] = [];
    if (!isSame(address, to.address)) differences.push({ what: 'BIND', from: address, to: to.address });
    for (const what of ['SHAREPORT', 'NODELAYACKS'] as const) {
      if (from[what] !== to[what]) differences.push({ what, from: from[what], to: to[what] });
    }
    return differences;
  }

  /** The statement that causes a difference: an entry, TCPCONFIG, or the statement that gave the present property. */
  causeOf(after: RuleTable): RuleSource | undefined {
    const { boundUnder, seen } = this.#holder;
    const { protocol } = seen.socket;
    const sourceIn = (table: RuleTable | undefined) =>
      table && (this.verdict(table).rule ?? table[protocol].settings.acks?.source);
    return sourceIn(after) ?? sourceIn(boundUnder);
  }

  /** The wildcard address if BIND replaced that with the present address, otherwise the present address. */
  #requestedAddress(): IpAddress {
    const { boundUnder, seen } = this.#holder;
    const { address } = seen.socket.local;
    const all: IpAddress = { family: address.family, bytes: new Uint8Array(address.bytes.length) };
    return boundUnder && isSame(granted(this.verdict(boundUnder, all), all).address, address) ? all : address;
  }

  /**
   * Whether Linux would permit it to bind a low port. It holds its port, so if no rule granted that, Linux permitted
   * it. From net.ipv4.ip_unprivileged_port_start on, Linux requires no capability, and the guard enforces
   * RESTRICTLOWPORTS: it permits only root.
   */
  #isLowPortCapable(table: RuleTable, request: Omit<BindRequest, 'lowPortCapable'>): boolean {
    if (request.uid === 0) return true;
    if (request.port >= this.#unprivilegedStart) {
      return table[request.protocol].settings.lowPorts?.isRestricted !== true;
    }
    const { boundUnder } = this.#holder;
    const bound = boundUnder && decide(boundUnder, { ...request, lowPortCapable: false });
    return bound?.allowed !== true;
  }
}

/** The properties that a verdict gives to a socket that requests an address; without an allowing verdict, none. */
function granted(verdict: Verdict | undefined, requested: IpAddress) {
  if (!verdict?.allowed) return { address: requested, SHAREPORT: false, NODELAYACKS: false };
  const { address = requested, isShared, acks } = verdict;
  // DELAYACKS is the kernel's default.
  return { address, SHAREPORT: isShared, NODELAYACKS: acks === 'NODELAYACKS' };
}

function isSame(a: IpAddress, b: IpAddress): boolean {
  return formatIp(a) === formatIp(b);
}

/** The errno of a refusal. What Linux itself refuses fails with EACCES (bind(2)). */
function errnoOf(verdict: Verdict, port: number, { errno, errnoLow, ports }: Change): string | undefined {
  if (verdict.allowed) return undefined;
  const isByLinux = verdict.reason === 'LOW_PORT_RESTRICTED' && port < ports.unprivilegedStart;
  if (isByLinux || verdict.reason === 'LOW_PORT_OF_LINUX') return 'EACCES';
  return port >= 512 && port < 1024 ? errnoLow : errno;
}
