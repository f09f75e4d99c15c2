// A profile compiled into lookup tables: finding the rules of a port takes constant time.
import { formatIp, type IpAddress } from '../../base/address.ts';
import { compareSpecificity, hasWildcard, matchesJob, UNKNOWN_JOB } from '../../base/job.ts';
import { PORTS, type Protocol } from '../../base/port.ts';
import type { Profile, ProtocolSettings, Reservation, RuleSource, UnreservedRule } from './rules.ts';
import type { Allowed, BindRequest } from './verdict.ts';

/** Checks the access of a user to a SAF resource. */
export interface SafCheck {
  check(
    resname: string,
    uid: number,
    groups: readonly number[],
  ): { readonly permitted: boolean; readonly source: RuleSource | undefined };
}

/** The settings and the SAF database that a profile is evaluated with. */
export interface RuleContext {
  /** Patterns of the jobs that AUTHPORT permits: FTP servers. */
  readonly authportJobs: readonly string[];
  /** The job name that stands for every job (STARTUP_PROC of BPXPRMxx). */
  readonly omvsJob?: string;
  readonly saf: SafCheck;
}

/** The name that stands for any application of z/OS UNIX, unless STARTUP_PROC sets another. */
const OMVS = 'OMVS';
/** "The PORT is reserved for internal stack use": matches no job on Linux. */
const INTCLIEN = 'INTCLIEN';

/** The options of an entry, shared by all entries with the same options. */
interface Terms {
  readonly saf: string | undefined;
  readonly bind: IpAddress | undefined;
  readonly isShared: boolean;
  readonly acks: Allowed['acks'];
  readonly smc: Allowed['smc'];
}

export type JobNames = Pick<BindRequest, 'job' | 'aliases'>;

const NO_ALIASES: readonly string[] = [];

/** An entry of a port. Kept small, since there may be one for each of 65535 ports. */
export class PortRule {
  readonly #match: MatchKind | 'RESERVED' | 'AUTHPORT';
  readonly #pattern: string;
  readonly terms: Terms;
  readonly source: RuleSource;
  #next: PortRule | undefined = undefined;

  /** `pattern` is the pattern of the reservation, interned by the caller. */
  constructor({ use, source }: Reservation, pattern: string, terms: Terms, context: RuleContext) {
    this.#match = use.kind === 'JOB' ? matchKindOf(pattern, context) : use.kind;
    this.#pattern = pattern;
    this.terms = terms;
    this.source = source;
  }

  /** Reserved, and no job may bind the port. */
  get isBlocked(): boolean {
    return this.#match === 'RESERVED';
  }

  /** Sets the entry after this one, the last of its port. */
  append(rule: PortRule): void {
    this.#next = rule;
  }

  /** The first entry, starting at this one, that matches a job; `isServer` decides for AUTHPORT. */
  find(names: JobNames, isServer: (job: string) => boolean): PortRule | undefined {
    for (let rule: PortRule | undefined = this; rule; rule = rule.#next) {
      if (rule.#isFor(names.job, isServer)) return rule;
      for (const alias of names.aliases ?? NO_ALIASES) if (rule.#isFor(alias, isServer)) return rule;
    }
    return undefined;
  }

  #isFor(job: string, isServer: (job: string) => boolean): boolean {
    const match = this.#match;
    return match === 'AUTHPORT'
      ? isServer(job)
      : match !== 'RESERVED' && matchesPattern(match, this.#pattern, job);
  }
}

/** The UNRSV entries of one protocol. */
interface CompiledUnreserved {
  readonly when: UnreservedRule['when'];
  readonly first: UnreservedRule;
  /** The most specific entry that matches a job. */
  readonly find: (job: string) => UnreservedRule | undefined;
}

/** The rules of one protocol, by port. */
export class ProtocolRules {
  readonly settings: ProtocolSettings;
  readonly unreserved: CompiledUnreserved | undefined;
  /** The first entry of each port; all ports of a range share one. */
  readonly #rules: readonly (PortRule | undefined)[];
  /** Whether AUTHPORT permits a job. */
  readonly #isServer: (job: string) => boolean;

  constructor(profile: Profile, protocol: Protocol, context: RuleContext) {
    this.settings = profile[protocol];
    const servers = context.authportJobs.map((pattern) => jobMatcher(pattern, context));
    this.#isServer = (job) => servers.some((matches) => matches(job));
    this.#rules = chainByPort(
      profile.reservations.filter((one) => one.protocol === protocol),
      this.settings,
      context,
    );
    this.unreserved = compileUnreserved(
      profile.unreserved.filter((rule) => rule.protocol === protocol),
      context,
    );
  }

  /** The first entry of a port, in statement order; undefined if it is not reserved. */
  at(port: number): PortRule | undefined {
    return this.#rules[port];
  }

  /** The first entry of a port, starting at `first`, that matches a job. */
  find(first: PortRule, names: JobNames): PortRule | undefined {
    return first.find(names, this.#isServer);
  }
}

/** The first entry of each port, linked to the others. */
function chainByPort(
  reservations: readonly Reservation[],
  settings: ProtocolSettings,
  context: RuleContext,
): (PortRule | undefined)[] {
  const firstRules: (PortRule | undefined)[] = new Array(PORTS).fill(undefined);
  const lastRules = new Map<number, PortRule>();
  const allTerms = new Map<string, Terms>();
  const patterns = new Map<string, string>();
  for (const reservation of reservations) {
    const { first, last, use } = reservation;
    const pattern = use.kind === 'JOB' ? use.pattern : '';
    if (!patterns.has(pattern)) patterns.set(pattern, pattern);
    const terms = termsOf(reservation, settings);
    const { saf, bind, isShared, acks, smc } = terms;
    const key = [saf, bind && formatIp(bind), isShared, acks, smc].join(' ');
    if (!allTerms.has(key)) allTerms.set(key, terms);
    const rule = new PortRule(
      reservation,
      patterns.get(pattern) ?? pattern,
      allTerms.get(key) ?? terms,
      context,
    );
    const before = lastRules.get(first) ?? firstRules[first];
    if (!before) firstRules.fill(rule, first, last + 1);
    else {
      before.append(rule);
      lastRules.set(first, rule);
    }
  }
  return firstRules;
}

function termsOf({ protocol, options }: Reservation, settings: ProtocolSettings): Terms {
  const { saf, bind, share, acks, smc } = options;
  return {
    saf,
    bind,
    isShared: share !== undefined,
    acks: protocol === 'tcp' ? (acks ?? settings.acks?.acks) : undefined,
    smc,
  };
}

/** A profile compiled with its context. */
export class RuleTable {
  readonly profile: Profile;
  readonly context: RuleContext;
  readonly tcp: ProtocolRules;
  readonly udp: ProtocolRules;

  constructor(profile: Profile, context: RuleContext) {
    this.profile = profile;
    this.context = context;
    this.tcp = new ProtocolRules(profile, 'tcp', context);
    this.udp = new ProtocolRules(profile, 'udp', context);
  }
}

/** How a pattern matches: by exact name, by wildcards, any job that is known, any job, or no job. */
type MatchKind = 'name' | 'wildcards' | 'known' | 'any' | 'none';

function matchKindOf(pattern: string, { omvsJob = OMVS }: Pick<RuleContext, 'omvsJob'>): MatchKind {
  if (pattern === '*') return 'any';
  if (pattern === INTCLIEN || pattern === UNKNOWN_JOB) return 'none';
  if (pattern === omvsJob) return 'known';
  return hasWildcard(pattern) ? 'wildcards' : 'name';
}

function matchesPattern(match: MatchKind, pattern: string, job: string): boolean {
  if (match === 'name') return job === pattern;
  if (match === 'wildcards') return matchesJob(pattern, job);
  return match === 'any' || (match === 'known' && job !== UNKNOWN_JOB);
}

/** A predicate for the jobs that a job name of a profile matches. */
export function jobMatcher(pattern: string, context: Pick<RuleContext, 'omvsJob'>): (job: string) => boolean {
  const match = matchKindOf(pattern, context);
  return (job) => matchesPattern(match, pattern, job);
}

/** "Most specific job-name match wins": names, then patterns by specificity, then OMVS, then `*`. */
function compileUnreserved(
  rules: readonly UnreservedRule[],
  context: RuleContext,
): CompiledUnreserved | undefined {
  const [first] = rules;
  if (!first) return undefined;
  const omvs = context.omvsJob ?? OMVS;
  const isName = ({ pattern }: UnreservedRule) =>
    !hasWildcard(pattern) && pattern !== INTCLIEN && pattern !== omvs;
  const isEveryone = ({ pattern }: UnreservedRule) => pattern === '*' || pattern === omvs;
  const named = new Map(rules.filter(isName).map((rule) => [rule.pattern, rule]));
  const patterns = rules
    .filter((rule) => !isName(rule) && !isEveryone(rule))
    .toSorted((a, b) => compareSpecificity(a.pattern, b.pattern));
  const everyone = [omvs, '*'].flatMap((pattern) => rules.filter((rule) => rule.pattern === pattern));
  const others = [...patterns, ...everyone].map((rule) => ({
    rule,
    matches: jobMatcher(rule.pattern, context),
  }));
  const find = (job: string) => {
    const exact = job === UNKNOWN_JOB ? undefined : named.get(job);
    return exact ?? others.find(({ matches }) => matches(job))?.rule;
  };
  return { when: first.when, first, find };
}
