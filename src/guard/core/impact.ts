// What rules mean for a socket that holds a port already: it stays, it would be refused, or it has what others gave it.
import { formatIp, type IpAddress } from '../../base/address.ts';
import type { KernelPorts } from '../../names/core/kernel-ports.ts';
import { decide } from '../../profile/core/decide.ts';
import type { Profile, RuleSource } from '../../profile/core/rules.ts';
import type { RuleTable } from '../../profile/core/table.ts';
import type { BindRequest, Verdict } from '../../profile/core/verdict.ts';
import type { SeenSocket } from '../../sockets/core/seen.ts';

/** A socket and whose it is, as the guard would look at it. */
interface Holder {
  readonly seen: SeenSocket;
  /** The groups of the user who made it, his own among them. */
  readonly groups: readonly number[];
  /** The rules that were enforced when it was bound, as far as that is known; undefined: none were. */
  readonly boundUnder: RuleTable | undefined;
}

/** What a holder is judged by. */
export interface Change {
  /** Undefined: there are no rules yet. */
  readonly before: RuleTable | undefined;
  readonly after: RuleTable;
  readonly ports: Pick<KernelPorts, 'ephemeral' | 'unprivilegedStart'>;
  /** What the guard has bind(2) fail with (errno(3)), and where the port is one from 512 to 1023. */
  readonly errno: string;
  readonly errnoLow: string;
}

/** What bind(2) gives a socket besides its port, and nothing else does later. */
export type Difference =
  | { readonly what: 'BIND'; readonly has: IpAddress; readonly gets: IpAddress }
  | { readonly what: 'SHAREPORT' | 'NODELAYACKS'; readonly has: boolean; readonly gets: boolean };

/** What becomes of a holder. */
export interface Impact {
  readonly seen: SeenSocket;
  /**
   * `refused`: it holds the port, and bind(2) would fail now. `restart`: bind(2) would give it something else than it
   * has. `kept`: it has what it would get.
   */
  readonly fate: 'refused' | 'restart' | 'kept';
  /** What bind(2) would answer, and by the rules before; undefined where there were none. */
  readonly after: Verdict;
  readonly before: Verdict | undefined;
  /** The statement that says so, or that said what it has; undefined where none does. */
  readonly rule: RuleSource | undefined;
  /** With `refused`: what bind(2) would fail with (errno(3)). */
  readonly errno: string | undefined;
  /** With `restart`: what it would get. */
  readonly differences: readonly Difference[];
  /** The kernel may have chosen the port (port 0): such a bind is not refused, it gets another port. */
  readonly mayBeChosen: boolean;
}

/**
 * The profile as the guard has it: it judges at bind(2) what WHENLISTEN puts off until listen(2). Rules that holders
 * are judged by are made of this one.
 */
export function judgedAtBind(profile: Profile): Profile {
  return { ...profile, unreserved: profile.unreserved.map((rule) => ({ ...rule, when: 'WHENBIND' })) };
}

/** Judges a socket by a change of the rules; undefined for one that does not hold its port by a bind(2) of its own. */
export function impactOn(holder: Holder, change: Change): Impact | undefined {
  const { before, after, ports } = change;
  const { seen, boundUnder } = holder;
  const { protocol, local, uid } = seen.socket;
  const { first, last } = ports.ephemeral;
  const mayBeChosen = local.port >= first && local.port <= last;
  const tables = [before, after, boundUnder];
  const isReserved = tables.some((table) => table?.[protocol].at(local.port) !== undefined);
  if (uid === undefined || !isJudged(seen, mayBeChosen, isReserved)) return undefined;
  const judge = new Judge(holder, uid, ports.unprivilegedStart);
  const now = judge.verdict(after);
  const differences = now.allowed ? judge.differences(after) : [];
  return {
    seen,
    fate: now.allowed ? (differences.length > 0 ? 'restart' : 'kept') : 'refused',
    after: now,
    before: before && judge.verdict(before),
    rule: now.rule ?? (differences.length > 0 ? judge.ruleBehind(after) : undefined),
    errno: errnoOf(now, local.port, change),
    differences,
    mayBeChosen,
  };
}

/**
 * Whether a socket can be told to have asked for its port. The kernel chooses ports of clients from the ephemeral
 * range; a connection of TCP has the port of its listener, or is a client's. In that range a socket that listens is
 * judged, and one that is only bound where its port is reserved.
 */
function isJudged({ socket }: SeenSocket, isEphemeral: boolean, isReserved: boolean): boolean {
  const { state } = socket;
  if (state === 'LISTEN') return true;
  if (state === 'BOUND' || state === 'UNCONNECTED') return !isEphemeral || isReserved;
  return socket.protocol === 'udp' && !isEphemeral;
}

/** Asks rules about one holder. */
class Judge {
  readonly #holder: Holder;
  readonly #uid: number;
  readonly #unprivilegedStart: number;
  /** What it asked for, as far as can be told. */
  readonly #asked: IpAddress;

  constructor(holder: Holder, uid: number, unprivilegedStart: number) {
    this.#holder = holder;
    this.#uid = uid;
    this.#unprivilegedStart = unprivilegedStart;
    this.#asked = this.#askedFor();
  }

  verdict(table: RuleTable, address = this.#asked): Verdict {
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

  /** What it would get that it does not have, and what it has and would not get. */
  differences(after: RuleTable): Difference[] {
    const { boundUnder, seen } = this.#holder;
    const has = given(boundUnder && this.verdict(boundUnder), this.#asked);
    const gets = given(this.verdict(after), this.#asked);
    const address = seen.socket.local.address;
    const differences: Difference[] = [];
    if (!isSame(address, gets.address)) differences.push({ what: 'BIND', has: address, gets: gets.address });
    for (const what of ['SHAREPORT', 'NODELAYACKS'] as const) {
      if (has[what] !== gets[what]) differences.push({ what, has: has[what], gets: gets[what] });
    }
    return differences;
  }

  /** What says that it is to have something else: of no entry, TCPCONFIG; of neither, what said that it has it. */
  ruleBehind(after: RuleTable): RuleSource | undefined {
    const { boundUnder, seen } = this.#holder;
    const { protocol } = seen.socket;
    const said = (table: RuleTable | undefined) =>
      table && (this.verdict(table).rule ?? table[protocol].settings.acks?.source);
    return said(after) ?? said(boundUnder);
  }

  /** All addresses, where BIND has made the one that it has of them. */
  #askedFor(): IpAddress {
    const { boundUnder, seen } = this.#holder;
    const { address } = seen.socket.local;
    const all: IpAddress = { family: address.family, bytes: new Uint8Array(address.bytes.length) };
    return boundUnder && isSame(given(this.verdict(boundUnder, all), all).address, address) ? all : address;
  }

  /**
   * Whether Linux would let it have a port below 1024. It has one: where no rule granted that, Linux let it. From
   * net.ipv4.ip_unprivileged_port_start on Linux asks nobody, and RESTRICTLOWPORTS is for the guard, which lets root.
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

/** What a verdict gives to who asks for an address; who holds a port against it has what he asked for. */
function given(verdict: Verdict | undefined, asked: IpAddress) {
  if (!verdict?.allowed) return { address: asked, SHAREPORT: false, NODELAYACKS: false };
  const { address = asked, isShared, acks } = verdict;
  // DELAYACKS is what the kernel does by itself.
  return { address, SHAREPORT: isShared, NODELAYACKS: acks === 'NODELAYACKS' };
}

function isSame(a: IpAddress, b: IpAddress): boolean {
  return formatIp(a) === formatIp(b);
}

/** What bind(2) would fail with; what Linux refuses itself gets EACCES (bind(2)). */
function errnoOf(verdict: Verdict, port: number, { errno, errnoLow, ports }: Change): string | undefined {
  if (verdict.allowed) return undefined;
  const isByLinux = verdict.reason === 'LOW_PORT_RESTRICTED' && port < ports.unprivilegedStart;
  if (isByLinux || verdict.reason === 'LOW_PORT_OF_LINUX') return 'EACCES';
  return port >= 512 && port < 1024 ? errnoLow : errno;
}
