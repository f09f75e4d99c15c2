// Compiles a profile into the tables of the kernel programs: rules by port, and the properties of jobs.
import type { IpAddress } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import {
  compareSpecificity,
  hasWildcard,
  type Job,
  type JobName,
  matchesJob,
  namesOf,
  UNKNOWN_JOB,
} from '../../base/job.ts';
import type { Protocol } from '../../base/port.ts';
import type { Profile, Reservation, UnreservedRule } from '../../profile/core/rules.ts';
import { Digest } from './digest.ts';
import {
  ANYONE,
  FLAG,
  JOB,
  LOW_PORTS,
  MATCH,
  ONLY_NAME,
  PERMIT_KEY,
  PORT,
  PORTS,
  RULE,
  RULES_PER_PORT_MAX,
  SETTINGS,
  USE,
  WILDCARDS_MAX,
} from './layout.ts';

/** Which users may use a SAF resource, by uid. */
export interface Permits {
  readonly uids: ReadonlyMap<number, boolean>;
  /** Whether users who are not listed may. */
  readonly everyone: boolean;
}

/** What the tables depend on, in addition to the profile. */
export interface TableContext {
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authportJobs: readonly string[];
  /** The name that matches every job. */
  readonly omvsJob: string;
  readonly permits: (resname: string) => Permits;
  /** The errno of a refusal, and of one on ports 512-1023. */
  readonly errno: number;
  readonly errnoLow: number;
  /** net.ipv4.ip_unprivileged_port_start */
  readonly unprivilegedStart: number;
  /** NODELAYACKS: the shortest delay of an acknowledgment that the kernel accepts, in microseconds. */
  readonly noDelayUs: number;
  readonly revision: number;
}

export interface MapEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface GuardTables {
  /** PORTS values of the layout PORT. */
  readonly ports: Uint8Array;
  /** Values of the layout RULE; the first one means none. */
  readonly rules: Uint8Array;
  readonly ruleCount: number;
  readonly permits: readonly MapEntry[];
  readonly settings: Uint8Array;
  /** Equal for tables with the same ports, rules, and meaning of the numbers in jobs and permits. */
  readonly digest: bigint;
  /** Encodes a job for the maps of jobs. */
  readonly job: (job: Job) => Uint8Array;
  /** Encodes what applies to all instances of a template, whatever their names. */
  readonly instances: (template: JobName) => Uint8Array;
  /** The job names without wildcards in the profile. */
  readonly names: readonly JobName[];
}

function tooManyEntries({ protocol, first }: Reservation): PortreeveError {
  const what = `${protocol.toUpperCase()} port ${first} has more than ${RULES_PER_PORT_MAX} entries`;
  return new PortreeveError(
    'GUARD_ENTRIES',
    `${what}, the maximum`,
    'Use a pattern instead of several job names.',
  );
}

/**
 * Compiles a profile. Throws PortreeveError (refused) `GUARD_WILDCARDS` and `GUARD_ENTRIES` where it has more patterns,
 * or more entries for one port, than the programs support.
 */
export function compileTables(profile: Profile, context: TableContext): GuardTables {
  return new Compiler(profile, context).run();
}

/** A value of layout RULE. */
interface Rule {
  readonly use: number;
  readonly match: number;
  readonly id: number;
  readonly flags: number;
  readonly saf: number;
  readonly address: Uint8Array;
  readonly next: number;
}

/** Below these limits, a whole rule fits into one number as a key: 53 bits in all. */
const PLAIN_IDS = 2 ** 17;
const PLAIN_RULES = 2 ** 24;

type Match = Pick<Rule, 'match' | 'id'>;
type MoreOfRule = Pick<Rule, 'flags' | 'saf' | 'address'>;

const NO_ADDRESS = new Uint8Array(16);
const NO_JOB: Match = { match: MATCH.none, id: 0 };
const NO_MORE: MoreOfRule = { flags: 0, saf: 0, address: NO_ADDRESS };

/** Values of layout RULE, after a first one of zeros. Not RULE.encode(): there may be tens of thousands of them. */
function encodedRules(rules: readonly Rule[]): Uint8Array {
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
  readonly #resources = new Map<string, number>();
  /** The rules, from index 1 on: 0 means none. */
  readonly #rules: Rule[] = [];
  /** The index of each distinct rule. */
  readonly #ruleAt = new Map<number | string, number>();
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
    const rules = encodedRules(this.#rules);
    const digest = this.#digest(ports, rules);
    return {
      ports,
      rules,
      ruleCount: this.#rules.length + 1,
      permits,
      settings: this.#settings(digest),
      digest,
      job: (job) => this.#job(job),
      instances: (template) => this.#instances(template),
      names: [...this.#names.keys(), ...this.#profile.unreserved.map(({ pattern }) => pattern)].filter(
        (name): name is JobName => !hasWildcard(name),
      ),
    };
  }

  #digest(ports: Uint8Array, rules: Uint8Array): bigint {
    const digest = new Digest().addBytes(ports).addBytes(rules);
    for (const names of [this.#names.keys(), this.#wildcards, this.#resources.keys()]) {
      for (const name of names) digest.addText(name);
      digest.addNumber(0);
    }
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const { rule, index } of this.#unreserved[protocol]) digest.addText(rule.pattern).addNumber(index);
      digest.addNumber(0);
    }
    return digest.addText(this.#context.omvsJob).value;
  }

  /** Links the rules of each port, from the last to the first. The ports of a range have no other entries. */
  #ports(): Uint8Array {
    const bytes = new Uint8Array(PORTS * PORT.bytes);
    const first = new Uint32Array(bytes.buffer);
    const counts = new Uint16Array(first.length);
    const step = PORT.bytes / 4;
    for (const reservation of this.#profile.reservations.toReversed()) {
      const at = reservation.first * step + PORT.fields[reservation.protocol].offset / 4;
      const { authportJobs } = this.#context;
      const count = (counts[at] ?? 0) + (reservation.use.kind === 'AUTHPORT' ? authportJobs.length : 1);
      if (count > RULES_PER_PORT_MAX) throw tooManyEntries(reservation);
      counts[at] = count;
      const next = first[at] ?? 0;
      const rule =
        (next === 0 ? this.#onlyName(reservation) : undefined) ?? this.#link(reservation, this.#asRule(next));
      const end = at + (reservation.last - reservation.first) * step;
      for (let i = at; i <= end; i += step) first[i] = rule;
    }
    return bytes;
  }

  /** The value for the only entry of a port, if it needs no rule. */
  #onlyName({ use, options, protocol }: Reservation): number | undefined {
    if (use.kind === 'RESERVED') return ONLY_NAME;
    if (use.kind !== 'JOB' || this.#flagsOf(options, protocol) !== 0) return undefined;
    const { match, id } = this.#match(use.pattern);
    return match === MATCH.name ? ONLY_NAME + id : undefined;
  }

  /** Replaces a value of onlyName() with a rule, because there is another entry. */
  #asRule(first: number): number {
    if (first < ONLY_NAME) return first;
    const id = first - ONLY_NAME;
    return id === 0 ? this.#rule(USE.noOne, NO_JOB, 0) : this.#rule(USE.jobs, { match: MATCH.name, id }, 0);
  }

  /** The acknowledgment option of TCPCONFIG applies where an entry has none. */
  #flagsOf(options: Reservation['options'], protocol: Protocol): number {
    const general = protocol === 'tcp' ? this.#profile.tcp.acks?.acks : undefined;
    const { share, acks = general, bind, saf } = options;
    return (
      (share === undefined ? 0 : FLAG.share) |
      acksFlag(acks) |
      (bind?.family === 4 ? FLAG.bind4 : 0) |
      (bind?.family === 6 ? FLAG.bind6 : 0) |
      (saf === undefined ? 0 : FLAG.saf)
    );
  }

  /** Links the rules of an entry before another rule. AUTHPORT has a rule for each pattern of FTP servers. */
  #link({ use, options, protocol }: Reservation, next: number): number {
    if (use.kind === 'RESERVED') return this.#rule(USE.noOne, NO_JOB, next);
    const more = {
      flags: this.#flagsOf(options, protocol),
      saf: this.#resource(options.saf),
      address: options.bind ? addressBytes(options.bind) : NO_ADDRESS,
    };
    if (use.kind === 'JOB') return this.#rule(USE.jobs, this.#match(use.pattern), next, more);
    const matches = this.#context.authportJobs.map((pattern) => this.#match(pattern));
    // Without any pattern, there is a rule that matches no job.
    const all = matches.length > 0 ? matches : [NO_JOB];
    return all.reduceRight((rule, match) => this.#rule(USE.jobs, match, rule, more), next);
  }

  /** The index of a rule, which is added if it does not exist. */
  #rule(
    use: number,
    { match, id }: Match,
    next: number,
    { flags, saf, address }: MoreOfRule = NO_MORE,
  ): number {
    // Nearly all rules fit into a number, and lookups by number are faster than by string.
    const isPlain = saf === 0 && address === NO_ADDRESS && id < PLAIN_IDS && next < PLAIN_RULES;
    const key = isPlain
      ? (((next * PLAIN_IDS + id) * 8 + match) * 8 + use) * 64 + flags
      : `${next} ${id} ${match} ${use} ${flags} ${saf} ${address}`;
    const existing = this.#ruleAt.get(key);
    if (existing !== undefined) return existing;
    const index = this.#rules.push({ use, match, id, flags, saf, address, next });
    this.#ruleAt.set(key, index);
    return index;
  }

  #match(pattern: string): Match {
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
    throw new PortreeveError('GUARD_WILDCARDS', message, 'Use full job names, or fewer patterns.');
  }

  #resource(resname: string | undefined): number {
    if (resname === undefined) return 0;
    const known = this.#resources.get(resname);
    if (known !== undefined) return known;
    this.#resources.set(resname, this.#resources.size);
    return this.#resources.size - 1;
  }

  #addUnreserved(rule: UnreservedRule): void {
    const flags = rule.saf === undefined ? 0 : FLAG.saf;
    const use = rule.isDenied ? USE.unreservedDenied : USE.unreserved;
    const more = { flags, saf: this.#resource(rule.saf), address: NO_ADDRESS };
    this.#unreserved[rule.protocol].push({ rule, index: this.#rule(use, NO_JOB, 0, more) });
  }

  #permits(): MapEntry[] {
    return [...this.#resources].flatMap(([resname, saf]) => {
      const { uids, everyone } = this.#context.permits(resname);
      return [...uids, [ANYONE, everyone] as const].map(([uid, isPermitted]) => ({
        key: PERMIT_KEY.encode({ saf, uid }),
        value: new Uint8Array([isPermitted ? 1 : 0, 0, 0, 0]),
      }));
    });
  }

  #settings(digest: bigint): Uint8Array {
    const { tcp, udp } = this.#profile;
    const { errno, errnoLow, unprivilegedStart, noDelayUs, revision } = this.#context;
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
      tcpAcks: acksFlag(tcp.acks?.acks),
      noDelayUs,
      digest,
    });
  }

  #job(job: Job): Uint8Array {
    const names = namesOf(job);
    const isMatched = (pattern: string) => names.some((name) => matchesJob(pattern, name));
    return this.#encodedJob(names, isMatched, (protocol) => this.#unreservedFor(protocol, job.name));
  }

  /** A pattern matches all instances if it matches characters after the "@" that cannot be in a pattern. */
  #instances(template: JobName): Uint8Array {
    const some = ['\0', '\0\0\0'].map((instance) => `${template}@${instance}` as JobName);
    const isForAll = (pattern: string) =>
      matchesJob(pattern, template) || some.every((name) => matchesJob(pattern, name));
    const isFor = (pattern: string) => some.every((name) => this.#isFor(pattern, name));
    return this.#encodedJob([undefined, template], isForAll, (protocol) =>
      this.#mostSpecific(protocol, isFor),
    );
  }

  #encodedJob(
    names: readonly (JobName | undefined)[],
    isMatched: (pattern: string) => boolean,
    unreserved: (protocol: Protocol) => number,
  ): Uint8Array {
    let wildcards = [0n, 0n];
    for (const [index, pattern] of this.#wildcards.entries()) {
      if (!isMatched(pattern)) continue;
      const bit = 1n << BigInt(index % 64);
      wildcards = wildcards.map((word, i) => (i === Math.floor(index / 64) ? word | bit : word));
    }
    const isKnown = names[0] !== UNKNOWN_JOB;
    const [name0 = 0, name1 = 0, name2 = 0, name3 = 0] = isKnown
      ? names.map((name) => (name && this.#names.get(name)) ?? 0)
      : [];
    return JOB.encode({
      name0,
      name1,
      name2,
      name3,
      isKnown: isKnown ? 1 : 0,
      unreservedTcp: unreserved('tcp'),
      unreservedUdp: unreserved('udp'),
      wildcards0: wildcards[0] ?? 0n,
      wildcards1: wildcards[1] ?? 0n,
    });
  }

  /** "Most specific job-name match wins": names, patterns, the name that matches every job, and `*`. */
  #unreservedFor(protocol: Protocol, job: JobName): number {
    return this.#mostSpecific(protocol, (pattern) => this.#isFor(pattern, job));
  }

  #mostSpecific(protocol: Protocol, isFor: (pattern: string) => boolean): number {
    const matching = this.#unreserved[protocol].filter(({ rule }) => isFor(rule.pattern));
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

function addressBytes({ bytes }: IpAddress): Uint8Array {
  const address = new Uint8Array(16);
  address.set(bytes);
  return address;
}

/** AUTODELAYACKS is the kernel's default behavior. */
function acksFlag(acks: NonNullable<Profile['tcp']['acks']>['acks'] | undefined): number {
  if (acks === 'NODELAYACKS') return FLAG.noDelayAcks;
  return acks === 'DELAYACKS' ? FLAG.delayAcks : 0;
}

function lowPortsOf(lowPorts: Profile['tcp']['lowPorts']): number {
  if (!lowPorts) return LOW_PORTS.unspecified;
  return lowPorts.isRestricted ? LOW_PORTS.restricted : LOW_PORTS.unrestricted;
}
