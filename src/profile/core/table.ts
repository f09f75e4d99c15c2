// A profile made ready to decide by: every port leads to its rules at once, however many there are.
import { formatIp, type IpAddress } from '../../base/address.ts';
import { compareSpecificity, hasWildcard, matchesJob, UNKNOWN_JOB } from '../../base/job.ts';
import { PORTS, type Protocol } from '../../base/port.ts';
import type { Profile, ProtocolSettings, Reservation, RuleSource, UnreservedRule } from './rules.ts';
import type { Allowed, BindRequest } from './verdict.ts';

/** Who may use what SAF protects. */
export interface SafCheck {
  check(
    resname: string,
    uid: number,
    groups: readonly number[],
  ): { readonly permitted: boolean; readonly source: RuleSource | undefined };
}

/** What a profile is judged with, besides its own text. */
export interface RuleContext {
  /** The jobs that AUTHPORT lets in: FTP servers. Patterns. */
  readonly authportJobs: readonly string[];
  /** The job name that stands for every job (STARTUP_PROC of BPXPRMxx). */
  readonly omvsJob?: string;
  readonly saf: SafCheck;
}

/** The name that stands for any application of z/OS UNIX, unless STARTUP_PROC says another. */
const OMVS = 'OMVS';
/** "The PORT is reserved for internal stack use": on Linux for nobody. */
const INTCLIEN = 'INTCLIEN';

/** What an entry gives to those whom it is for; entries that give the same have the same one. */
interface Terms {
  readonly saf: string | undefined;
  readonly bind: IpAddress | undefined;
  readonly isShared: boolean;
  readonly acks: Allowed['acks'];
  readonly smc: Allowed['smc'];
}

export type JobNames = Pick<BindRequest, 'job' | 'aliases'>;

const NO_ALIASES: readonly string[] = [];

/** An entry of a port. It is small, so that deciding by one of very many touches little memory. */
export class PortRule {
  readonly #whom: Whom | 'RESERVED' | 'AUTHPORT';
  readonly #pattern: string;
  readonly terms: Terms;
  readonly source: RuleSource;
  #next: PortRule | undefined = undefined;

  /** `pattern` is that of the reservation, the same string for all that have it. */
  constructor({ use, source }: Reservation, pattern: string, terms: Terms, context: RuleContext) {
    this.#whom = use.kind === 'JOB' ? whomOf(pattern, context) : use.kind;
    this.#pattern = pattern;
    this.terms = terms;
    this.source = source;
  }

  /** Reserved for no one. */
  get isBlocked(): boolean {
    return this.#whom === 'RESERVED';
  }

  /** Puts the next entry of the port behind the last one. */
  append(rule: PortRule): void {
    this.#next = rule;
  }

  /** The first entry of the port, from this one on, that names a job; `isServer` says who AUTHPORT is for. */
  find(names: JobNames, isServer: (job: string) => boolean): PortRule | undefined {
    for (let rule: PortRule | undefined = this; rule; rule = rule.#next) {
      if (rule.#isFor(names.job, isServer)) return rule;
      for (const alias of names.aliases ?? NO_ALIASES) if (rule.#isFor(alias, isServer)) return rule;
    }
    return undefined;
  }

  #isFor(job: string, isServer: (job: string) => boolean): boolean {
    const whom = this.#whom;
    return whom === 'AUTHPORT' ? isServer(job) : whom !== 'RESERVED' && lets(whom, this.#pattern, job);
  }
}

/** The entries of UNRSV of one protocol. */
interface CompiledUnreserved {
  readonly when: UnreservedRule['when'];
  readonly first: UnreservedRule;
  /** The most specific entry that matches a job. */
  readonly find: (job: string) => UnreservedRule | undefined;
}

export class ProtocolRules {
  readonly settings: ProtocolSettings;
  readonly unreserved: CompiledUnreserved | undefined;
  /** The first entry of each port; a range has one entry for all of its ports. */
  readonly #rules: readonly (PortRule | undefined)[];
  /** Who AUTHPORT is for. */
  readonly #isServer: (job: string) => boolean;

  constructor(profile: Profile, protocol: Protocol, context: RuleContext) {
    this.settings = profile[protocol];
    const servers = context.authportJobs.map((pattern) => jobMatcher(pattern, context));
    this.#isServer = (job) => servers.some((matches) => matches(job));
    this.#rules = chained(
      profile.reservations.filter((one) => one.protocol === protocol),
      this.settings,
      context,
    );
    this.unreserved = compileUnreserved(
      profile.unreserved.filter((rule) => rule.protocol === protocol),
      context,
    );
  }

  /** The first entry of a port, in the order of the statements; undefined if it is not reserved. */
  at(port: number): PortRule | undefined {
    return this.#rules[port];
  }

  /** The first entry of a port, from this one on, that is for a job. */
  find(first: PortRule, names: JobNames): PortRule | undefined {
    return first.find(names, this.#isServer);
  }
}

/** The first entry of each port, with the others behind it. */
function chained(
  reservations: readonly Reservation[],
  settings: ProtocolSettings,
  context: RuleContext,
): (PortRule | undefined)[] {
  const firsts: (PortRule | undefined)[] = new Array(PORTS).fill(undefined);
  const lasts = new Map<number, PortRule>();
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
    const before = lasts.get(first) ?? firsts[first];
    if (!before) firsts.fill(rule, first, last + 1);
    else {
      before.append(rule);
      lasts.set(first, rule);
    }
  }
  return firsts;
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

/** A profile in its context. */
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

/** Whom a pattern lets in: the job of this name, those that match, those that can be told, every one, or none. */
type Whom = 'name' | 'wildcards' | 'known' | 'everyone' | 'nobody';

function whomOf(pattern: string, { omvsJob = OMVS }: Pick<RuleContext, 'omvsJob'>): Whom {
  if (pattern === '*') return 'everyone';
  if (pattern === INTCLIEN || pattern === UNKNOWN_JOB) return 'nobody';
  if (pattern === omvsJob) return 'known';
  return hasWildcard(pattern) ? 'wildcards' : 'name';
}

function lets(whom: Whom, pattern: string, job: string): boolean {
  if (whom === 'name') return job === pattern;
  if (whom === 'wildcards') return matchesJob(pattern, job);
  return whom === 'everyone' || (whom === 'known' && job !== UNKNOWN_JOB);
}

/** What a job name of a profile matches ("Jobs on Linux"). */
export function jobMatcher(pattern: string, context: Pick<RuleContext, 'omvsJob'>): (job: string) => boolean {
  const whom = whomOf(pattern, context);
  return (job) => lets(whom, pattern, job);
}

/** "Most specific job-name match wins": names, then patterns in their order, then who stands for all. */
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
