// A profile becomes the tables that the programs in the kernel decide by: ports lead to rules, jobs to what rules ask.
import type { IpAddress } from '../base/address.ts';
import { PortreeveError } from '../base/errors.ts';
import { compareSpecificity, hasWildcard, type JobName, matchesJob, UNKNOWN_JOB } from '../base/job.ts';
import type { Protocol } from '../base/port.ts';
import type { Profile, Reservation, UnreservedRule } from '../policy/rules.ts';
import {
  ANYONE,
  FLAG,
  JOB,
  LOW_PORTS,
  MATCH,
  PERMIT_KEY,
  PORT,
  PORTS,
  RULE,
  RULES_PER_PORT_MAX,
  SETTINGS,
  USE,
  WILDCARDS_MAX,
} from './guard-layout.ts';

/** Who may use a SAF resource, as far as it is known by uid. */
export interface Permits {
  readonly uids: ReadonlyMap<number, boolean>;
  /** Everybody who is not listed. */
  readonly everyone: boolean;
}

/** What a profile is compiled with, besides its own text. */
export interface TableContext {
  /** Patterns of the jobs that AUTHPORT lets in. */
  readonly authportJobs: readonly string[];
  /** The name that stands for every job. */
  readonly omvsJob: string;
  /** Who may use a SAF resource. */
  readonly permits: (resname: string) => Permits;
  /** The errno of a refusal, and of one of a port from 512 to 1023. */
  readonly errno: number;
  readonly errnoLow: number;
  /** net.ipv4.ip_unprivileged_port_start */
  readonly unprivilegedStart: number;
  /** The revision of the profile. */
  readonly revision: number;
}

/** An entry of a hash map. */
export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** One set of tables. */
export interface GuardTables {
  /** PORTS values of the layout PORT. */
  readonly ports: Uint8Array;
  /** Values of the layout RULE; the first one means none. */
  readonly rules: Uint8Array;
  readonly ruleCount: number;
  readonly permits: readonly MapEntry[];
  readonly settings: Uint8Array;
  /** What the maps of jobs hold for a job. */
  readonly job: (job: JobName) => Uint8Array;
}

/** Errors of a profile that cannot be put into the kernel: which bound it breaks. */
function tooMany(code: string, message: string, hint: string): PortreeveError {
  return new PortreeveError('refused', code, message, hint);
}

/**
 * Compiles a profile. Throws PortreeveError (refused) `GUARD_WILDCARDS` and `GUARD_ENTRIES` where it has more patterns,
 * or more entries for one port, than the programs look at.
 */
export function compileTables(profile: Profile, context: TableContext): GuardTables {
  return new Compiler(profile, context).run();
}

/** A rule that is not yet linked to the next one. */
interface RuleValue {
  readonly use: number;
  readonly match: number;
  readonly flags: number;
  readonly id: number;
  readonly saf: number;
  readonly address: Uint8Array;
}

/** A rule and the place of the next one of its port. */
interface LinkedRule extends RuleValue {
  readonly next: number;
}

const NO_ADDRESS = new Uint8Array(16);

/** Values of the layout RULE, the first one with zeros: there may be tens of thousands of them. */
function encodedRules(rules: readonly LinkedRule[]): Uint8Array {
  const bytes = new Uint8Array((rules.length + 1) * RULE.bytes);
  const view = new DataView(bytes.buffer);
  const { fields } = RULE;
  for (const [i, rule] of rules.entries()) {
    const at = (i + 1) * RULE.bytes;
    view.setUint8(at + fields.use.offset, rule.use);
    view.setUint8(at + fields.match.offset, rule.match);
    view.setUint16(at + fields.flags.offset, rule.flags, true);
    view.setUint32(at + fields.id.offset, rule.id, true);
    view.setUint32(at + fields.next.offset, rule.next, true);
    view.setUint32(at + fields.saf.offset, rule.saf, true);
    bytes.set(rule.address, at + fields.address.offset);
  }
  return bytes;
}

class Compiler {
  readonly #profile: Profile;
  readonly #context: TableContext;
  readonly #names = new Map<string, number>();
  readonly #wildcards: string[] = [];
  readonly #resources: string[] = [];
  /** The rules, from the second place on: 0 stands for none. And where each different one stands. */
  readonly #rules: LinkedRule[] = [];
  readonly #ruleAt = new Map<string, number>();
  readonly #unreserved: Readonly<
    Record<Protocol, { readonly rule: UnreservedRule; readonly index: number }[]>
  >;

  constructor(profile: Profile, context: TableContext) {
    this.#profile = profile;
    this.#context = context;
    this.#unreserved = { tcp: [], udp: [] };
  }

  run(): GuardTables {
    const ports = this.#ports();
    for (const rule of this.#profile.unreserved) this.#addUnreserved(rule);
    const permits = this.#permits();
    return {
      ports,
      rules: encodedRules(this.#rules),
      ruleCount: this.#rules.length + 1,
      permits,
      settings: this.#settings(),
      job: (job) => this.#job(job),
    };
  }

  /** Ports with the same entries share their rules. */
  #ports(): Uint8Array {
    const bytes = new Uint8Array(PORTS * PORT.bytes);
    const view = new DataView(bytes.buffer);
    const listed = new Map<number, Reservation[]>();
    const put = (protocol: Protocol, port: number, index: number) => {
      view.setUint32(port * PORT.bytes + PORT.fields[protocol].offset, index, true);
    };
    for (const reservation of this.#profile.reservations) {
      const { protocol, first, last, isRange } = reservation;
      if (isRange) {
        const index = this.#chain([reservation]);
        for (let port: number = first; port <= last; port++) put(protocol, port, index);
        continue;
      }
      const key = (protocol === 'tcp' ? 0 : PORTS) + first;
      const list = listed.get(key);
      if (list) list.push(reservation);
      else listed.set(key, [reservation]);
    }
    for (const [key, list] of listed) put(key < PORTS ? 'tcp' : 'udp', key % PORTS, this.#chain(list));
    return bytes;
  }

  /** The rules of one port, linked from the last to the first; gives the first. */
  #chain(reservations: readonly Reservation[]): number {
    const values = reservations.flatMap((reservation) => this.#valuesOf(reservation));
    if (values.length > RULES_PER_PORT_MAX) {
      const [first] = reservations;
      const what = `${first?.protocol.toUpperCase()} port ${first?.first} has ${values.length} entries`;
      throw tooMany(
        'GUARD_ENTRIES',
        `${what}, and ${RULES_PER_PORT_MAX} are looked at`,
        'Name jobs by a pattern.',
      );
    }
    return values.reduceRight((next, value) => this.#rule(value, next), 0);
  }

  /** AUTHPORT has a rule for each pattern of FTP servers, or one that matches nobody. */
  #valuesOf({ use, options, protocol }: Reservation): RuleValue[] {
    if (use.kind === 'RESERVED') return [ruleValue(USE.noOne, { match: MATCH.none, id: 0 })];
    const patterns = use.kind === 'JOB' ? [use.pattern] : this.#context.authportJobs;
    const values = patterns.map((pattern) =>
      ruleValue(USE.jobs, this.#match(pattern), {
        flags: flagsOf(options, protocol === 'tcp' ? this.#profile.tcp.acks?.acks : undefined),
        saf: this.#resource(options.saf),
        address: options.bind ? addressBytes(options.bind) : NO_ADDRESS,
      }),
    );
    return values.length > 0 ? values : [ruleValue(USE.jobs, { match: MATCH.none, id: 0 })];
  }

  #rule(value: RuleValue, next: number): number {
    const { use, match, flags, id, saf, address } = value;
    const key = `${use} ${match} ${flags} ${id} ${saf} ${next} ${address === NO_ADDRESS ? '' : address}`;
    const existing = this.#ruleAt.get(key);
    if (existing !== undefined) return existing;
    const index = this.#rules.push({ ...value, next });
    this.#ruleAt.set(key, index);
    return index;
  }

  #match(pattern: string): { match: number; id: number } {
    if (pattern === '*') return { match: MATCH.any, id: 0 };
    if (pattern === 'INTCLIEN') return { match: MATCH.none, id: 0 };
    if (pattern === this.#context.omvsJob) return { match: MATCH.known, id: 0 };
    if (!hasWildcard(pattern)) return { match: MATCH.name, id: this.#name(pattern) };
    return { match: MATCH.wildcard, id: this.#wildcard(pattern) };
  }

  #name(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#names.size + 1);
    return this.#names.size;
  }

  #wildcard(pattern: string): number {
    const known = this.#wildcards.indexOf(pattern);
    if (known >= 0) return known;
    if (this.#wildcards.length < WILDCARDS_MAX) return this.#wildcards.push(pattern) - 1;
    const message = `the profile has more than ${WILDCARDS_MAX} different patterns with wildcards`;
    throw tooMany('GUARD_WILDCARDS', message, 'Name jobs in full, or by fewer patterns.');
  }

  #resource(resname: string | undefined): number {
    if (resname === undefined) return 0;
    const known = this.#resources.indexOf(resname);
    return known >= 0 ? known : this.#resources.push(resname) - 1;
  }

  #addUnreserved(rule: UnreservedRule): void {
    const flags = rule.saf === undefined ? 0 : FLAG.saf;
    const use = rule.isDenied ? USE.unreservedDenied : USE.unreserved;
    const value = ruleValue(use, { match: MATCH.none, id: 0 }, { flags, saf: this.#resource(rule.saf) });
    this.#unreserved[rule.protocol].push({ rule, index: this.#rule(value, 0) });
  }

  #permits(): MapEntry[] {
    return this.#resources.flatMap((resname, saf) => {
      const { uids, everyone } = this.#context.permits(resname);
      return [...uids, [ANYONE, everyone] as const].map(([uid, isPermitted]) => ({
        key: PERMIT_KEY.encode({ saf, uid }),
        value: new Uint8Array([isPermitted ? 1 : 0, 0, 0, 0]),
      }));
    });
  }

  #settings(): Uint8Array {
    const { tcp, udp } = this.#profile;
    const { errno, errnoLow, unprivilegedStart, revision } = this.#context;
    return SETTINGS.encode({
      tcpLowPorts: lowPortsOf(tcp.lowPorts),
      udpLowPorts: lowPortsOf(udp.lowPorts),
      hasUnreservedTcp: this.#unreserved.tcp.length > 0 ? 1 : 0,
      hasUnreservedUdp: this.#unreserved.udp.length > 0 ? 1 : 0,
      unknownTcp: this.#unreservedFor('tcp', UNKNOWN_JOB),
      unknownUdp: this.#unreservedFor('udp', UNKNOWN_JOB),
      errno,
      errnoLow,
      unprivilegedStart,
      revision,
    });
  }

  #job(job: JobName): Uint8Array {
    let wildcards = [0n, 0n];
    for (const [index, pattern] of this.#wildcards.entries()) {
      if (!matchesJob(pattern, job)) continue;
      const bit = 1n << BigInt(index % 64);
      wildcards = wildcards.map((word, i) => (i === Math.floor(index / 64) ? word | bit : word));
    }
    const isKnown = job !== UNKNOWN_JOB;
    return JOB.encode({
      name: isKnown ? (this.#names.get(job) ?? 0) : 0,
      isKnown: isKnown ? 1 : 0,
      unreservedTcp: this.#unreservedFor('tcp', job),
      unreservedUdp: this.#unreservedFor('udp', job),
      wildcards0: wildcards[0] ?? 0n,
      wildcards1: wildcards[1] ?? 0n,
    });
  }

  /** "Most specific job-name match wins": names, patterns, the name that stands for every job, and `*`. */
  #unreservedFor(protocol: Protocol, job: JobName): number {
    const matching = this.#unreserved[protocol].filter(({ rule }) => this.#isFor(rule.pattern, job));
    const [best] = matching.toSorted((a, b) => this.#compare(a.rule.pattern, b.rule.pattern));
    return best?.index ?? 0;
  }

  #isFor(pattern: string, job: JobName): boolean {
    if (pattern === this.#context.omvsJob) return job !== UNKNOWN_JOB;
    return pattern !== 'INTCLIEN' && matchesJob(pattern, job);
  }

  #compare(a: string, b: string): number {
    return this.#rank(a) - this.#rank(b) || compareSpecificity(a, b);
  }

  #rank(pattern: string): number {
    return pattern === '*' ? 2 : pattern === this.#context.omvsJob ? 1 : 0;
  }
}

function ruleValue(
  use: number,
  { match, id }: { match: number; id: number },
  more: Partial<Pick<RuleValue, 'flags' | 'saf' | 'address'>> = {},
): RuleValue {
  return { use, match, id, flags: 0, saf: 0, address: NO_ADDRESS, ...more };
}

/** What TCPCONFIG says of acknowledgments holds where an entry says nothing. */
function flagsOf(options: Reservation['options'], general: string | undefined): number {
  const { share, acks = general, bind, saf } = options;
  return (
    (share === undefined ? 0 : FLAG.share) |
    (acks === 'NODELAYACKS' ? FLAG.noDelayAcks : 0) |
    (acks === 'DELAYACKS' ? FLAG.delayAcks : 0) |
    (bind?.family === 4 ? FLAG.bind4 : 0) |
    (bind?.family === 6 ? FLAG.bind6 : 0) |
    (saf === undefined ? 0 : FLAG.saf)
  );
}

function addressBytes({ bytes }: IpAddress): Uint8Array {
  const address = new Uint8Array(16);
  address.set(bytes);
  return address;
}

function lowPortsOf(lowPorts: Profile['tcp']['lowPorts']): number {
  if (!lowPorts) return LOW_PORTS.unsaid;
  return lowPorts.isRestricted ? LOW_PORTS.restricted : LOW_PORTS.unrestricted;
}
