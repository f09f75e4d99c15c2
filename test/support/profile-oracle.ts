/** An independent, slow implementation of decide(): each request replays all statements and searches all entries. */

import type { IpAddress } from '../../src/base/address.ts';
import type {
  PortEntry,
  RangeEntry,
  SettingEntry,
  Statement,
  UnreservedEntry,
  Written,
} from '../../src/profile/text/statements.ts';

/** The context of the decisions. */
export interface OracleContext {
  /** Patterns of the jobs that AUTHPORT permits. */
  readonly authportJobs: readonly string[];
  readonly isPermitted: (resname: string, uid: number, groups: readonly number[]) => boolean;
}

export interface OracleRequest {
  readonly operation: 'bind' | 'listen';
  readonly protocol: 'tcp' | 'udp';
  readonly address: IpAddress;
  readonly port: number;
  readonly job: string;
  readonly uid: number;
  readonly groups: readonly number[];
  readonly lowPortCapable: boolean;
}

interface Rule {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface OracleDenied {
  readonly allowed: false;
  readonly reason: string;
  readonly errno: 'EACCES';
  readonly rule: Rule | undefined;
}

export interface OracleAllowed {
  readonly allowed: true;
  readonly reason: string;
  readonly rule: Rule | undefined;
  readonly address: IpAddress | undefined;
  readonly isShared: boolean;
  readonly acks: string | undefined;
  readonly smc: string | undefined;
  readonly lowPortGranted: boolean;
  readonly assignedFrom: string | undefined;
}

export type OracleVerdict = OracleAllowed | OracleDenied;

/** The state after some statements. */
interface InForce {
  ports: PortEntry[];
  ranges: RangeEntry[];
  unreserved: UnreservedEntry[];
  /** Every setting, in order. */
  settings: { readonly statement: string; readonly entry: SettingEntry }[];
}

/** The verdict on one request. */
export function oracle(
  statements: readonly Statement[],
  context: OracleContext,
  request: OracleRequest,
): OracleVerdict {
  const inForce: InForce = { ports: [], ranges: [], unreserved: [], settings: [] };
  replay(statements, inForce);
  return request.operation === 'bind' ? bind(inForce, context, request) : listen(inForce, context, request);
}

// --- State ---

function notIgnored<T extends Written>(entries: readonly T[]): T[] {
  return entries.filter((entry) => !entry.isIgnored);
}

function replay(statements: readonly Statement[], inForce: InForce): void {
  for (const statement of statements) {
    if (statement.kind === 'INCLUDE') replay(statement.statements, inForce);
    if (statement.kind === 'PORT') {
      for (const entry of notIgnored(statement.entries)) {
        if (entry.kind === 'port' && !portConflicts(entry, inForce)) inForce.ports.push(entry);
        if (entry.kind === 'unreserved' && !unreservedConflicts(entry, inForce)) {
          inForce.unreserved.push(entry);
        }
      }
    }
    if (statement.kind === 'PORTRANGE') {
      for (const entry of notIgnored(statement.entries)) {
        if (!rangeConflicts(entry, inForce)) inForce.ranges.push(entry);
      }
    }
    if (statement.kind === 'DELETE') {
      for (const entry of notIgnored(statement.entries)) remove(entry, inForce);
    }
    if (
      statement.kind === 'TCPCONFIG' ||
      statement.kind === 'UDPCONFIG' ||
      statement.kind === 'GLOBALCONFIG'
    ) {
      for (const entry of notIgnored(statement.settings)) {
        inForce.settings.push({ statement: statement.kind, entry });
      }
    }
  }
}

function rangeConflicts(entry: RangeEntry, { ports, ranges }: InForce): boolean {
  const isIn = (port: number): boolean => entry.first <= port && port <= entry.last;
  return (
    ports.some((other) => other.protocol === entry.protocol && isIn(other.port)) ||
    ranges.some(
      (other) => other.protocol === entry.protocol && !(other.last < entry.first || entry.last < other.first),
    )
  );
}

function portConflicts(entry: PortEntry, inForce: InForce): boolean {
  if (rangeOf(inForce, entry.protocol, entry.port) !== undefined) return true;
  const others = portsOf(inForce, entry.protocol, entry.port);
  if (others.length === 0) return false;
  // "For UDP, only one job name can be associated with a port."
  if (entry.protocol === 'udp') return true;
  if (entry.use.kind === 'RESERVED') return true;
  return others.some((other) => other.use.kind === 'RESERVED' || isSameUse(other, entry));
}

function unreservedConflicts(entry: UnreservedEntry, { unreserved }: InForce): boolean {
  return unreserved.some(
    (other) =>
      other.protocol === entry.protocol &&
      (other.pattern === entry.pattern || whenOf(other) !== whenOf(entry)),
  );
}

function remove(entry: PortEntry | RangeEntry | UnreservedEntry, inForce: InForce): void {
  if (entry.kind === 'port') {
    inForce.ports = inForce.ports.filter(
      (other) => !(other.port === entry.port && other.protocol === entry.protocol && isSameUse(other, entry)),
    );
  }
  if (entry.kind === 'range') {
    inForce.ranges = inForce.ranges.filter(
      (other) =>
        !(
          other.first === entry.first &&
          other.last === entry.last &&
          other.protocol === entry.protocol &&
          isSameUse(other, entry)
        ),
    );
  }
  if (entry.kind === 'unreserved') {
    inForce.unreserved = inForce.unreserved.filter(
      (other) => !(other.protocol === entry.protocol && other.pattern === entry.pattern),
    );
  }
}

function isSameUse(a: PortEntry | RangeEntry, b: PortEntry | RangeEntry): boolean {
  if (a.use.kind === 'JOB' && b.use.kind === 'JOB') return a.use.pattern === b.use.pattern;
  return a.use.kind === b.use.kind;
}

function whenOf(entry: UnreservedEntry): string {
  if (entry.protocol === 'udp') return 'WHENBIND';
  return entry.when ?? 'WHENLISTEN';
}

function portsOf(inForce: InForce, protocol: string, port: number): PortEntry[] {
  return inForce.ports.filter((entry) => entry.protocol === protocol && entry.port === port);
}

function rangeOf(inForce: InForce, protocol: string, port: number): RangeEntry | undefined {
  return inForce.ranges.find(
    (entry) => entry.protocol === protocol && entry.first <= port && port <= entry.last,
  );
}

// --- Settings ---

type SettingOf = { readonly statement: string; readonly entry: SettingEntry };

/** The latest setting of a kind in a statement. */
function latest(inForce: InForce, statement: string, kind: string): SettingOf | undefined {
  return inForce.settings.findLast((one) => one.statement === statement && one.entry.setting?.kind === kind);
}

function configOf(protocol: string): string {
  return protocol === 'tcp' ? 'TCPCONFIG' : 'UDPCONFIG';
}

function defaultAcks(inForce: InForce, protocol: string): string | undefined {
  if (protocol === 'udp') return undefined;
  const setting = latest(inForce, 'TCPCONFIG', 'acks')?.entry.setting;
  return setting?.kind === 'acks' ? setting.acks : undefined;
}

function lowPortsOf(inForce: InForce, protocol: string): { isRestricted: boolean; rule: Rule } | undefined {
  const entry = latest(inForce, configOf(protocol), 'lowPorts')?.entry;
  return entry?.setting?.kind === 'lowPorts'
    ? { isRestricted: entry.setting.isRestricted, rule: ruleOf(entry) }
    : undefined;
}

// --- Jobs ---

/** Whether a pattern of the profile matches a job. */
function matches(pattern: string, job: string): boolean {
  if (job === 'UNKNOWN') return pattern === '*';
  if (pattern === 'OMVS') return true;
  if (pattern === 'INTCLIEN') return false;
  const parts = [...pattern].map((character) => {
    if (character === '*') return '.*';
    return character === '?' ? '.' : RegExp.escape(character);
  });
  return new RegExp(`^${parts.join('')}$`).test(job);
}

function count(pattern: string, character: string): number {
  return [...pattern].filter((one) => one === character).length;
}

/** The rank of a pattern: a name, a pattern, any known job, any job. */
function levelOf(pattern: string): number {
  if (pattern === 'OMVS') return 2;
  if (pattern === '*') return 3;
  return /[*?]/.test(pattern) ? 1 : 0;
}

/** Whether `a` is more specific than `b`. */
function isMoreSpecific(a: string, b: string): boolean {
  if (levelOf(a) !== levelOf(b)) return levelOf(a) < levelOf(b);
  const [aAny, bAny] = [count(a, '*'), count(b, '*')];
  const [aOne, bOne] = [count(a, '?'), count(b, '?')];
  const [aLiteral, bLiteral] = [a.length - aAny - aOne, b.length - bAny - bOne];
  if (aLiteral !== bLiteral) return aLiteral > bLiteral;
  if (aOne !== bOne) return aOne > bOne;
  return aAny < bAny;
}

// --- Verdicts ---

function ruleOf(entry: Written): Rule {
  return { file: entry.place.file, line: entry.place.line, text: entry.words.join(' ') };
}

function denied(reason: string, rule: Rule | undefined): OracleDenied {
  return { allowed: false, reason, errno: 'EACCES', rule };
}

function allowed(reason: string, rule: Rule | undefined, more: Partial<OracleAllowed> = {}): OracleAllowed {
  return {
    allowed: true,
    reason,
    rule,
    address: undefined,
    isShared: false,
    acks: undefined,
    smc: undefined,
    lowPortGranted: false,
    assignedFrom: undefined,
    ...more,
  };
}

function bind(inForce: InForce, context: OracleContext, request: OracleRequest): OracleVerdict {
  const { protocol, port } = request;
  if (port === 0) return portZero(inForce, request);
  const entries = portsOf(inForce, protocol, port);
  const range = rangeOf(inForce, protocol, port);
  if (entries.length > 0) return reserved(inForce, context, request, entries);
  if (range !== undefined) return reserved(inForce, context, request, [range]);
  return port < 1024 ? lowPort(inForce, context, request) : unreserved(inForce, context, request);
}

function listen(inForce: InForce, context: OracleContext, request: OracleRequest): OracleVerdict {
  const { protocol, port } = request;
  if (protocol === 'udp') return allowed('UNRESERVED', undefined);
  const acks = defaultAcks(inForce, protocol);
  const isReserved =
    portsOf(inForce, protocol, port).length > 0 || rangeOf(inForce, protocol, port) !== undefined;
  const isRestricted = port < 1024 && lowPortsOf(inForce, protocol)?.isRestricted === true;
  if (port === 0 || isReserved || isRestricted) return allowed('UNRESERVED', undefined, { acks });
  return unreserved(inForce, context, request);
}

function portZero(inForce: InForce, { protocol, address }: OracleRequest): OracleVerdict {
  const acks = defaultAcks(inForce, protocol);
  const explicit = latest(inForce, 'GLOBALCONFIG', 'explicitBindPorts')?.entry;
  if (
    protocol === 'tcp' &&
    wildcardOf(address) !== undefined &&
    explicit?.setting?.kind === 'explicitBindPorts' &&
    explicit.setting.range !== undefined
  ) {
    return allowed('PORT_ZERO', ruleOf(explicit), { acks, assignedFrom: 'EXPLICITBINDPORTRANGE' });
  }
  const ephemeral = latest(inForce, configOf(protocol), 'ephemeralPorts')?.entry;
  if (ephemeral === undefined) return allowed('PORT_ZERO', undefined, { acks });
  return allowed('PORT_ZERO', ruleOf(ephemeral), { acks, assignedFrom: 'EPHEMERALPORTS' });
}

/** A port with PORT entries, or in one range. */
function reserved(
  inForce: InForce,
  context: OracleContext,
  request: OracleRequest,
  entries: readonly (PortEntry | RangeEntry)[],
): OracleVerdict {
  for (const entry of entries) {
    const { use, options } = entry;
    if (use.kind === 'RESERVED') return denied('RESERVED_FOR_NO_ONE', ruleOf(entry));
    const patterns = use.kind === 'AUTHPORT' ? context.authportJobs : [use.pattern];
    if (!patterns.some((pattern) => matches(pattern, request.job))) continue;
    if (options.saf !== undefined && !context.isPermitted(options.saf, request.uid, request.groups)) {
      return denied('SAF_NOT_PERMITTED', ruleOf(entry));
    }
    const { protocol } = request;
    return allowed('RESERVED_FOR_JOB', ruleOf(entry), {
      address: addressByBind(request.address, options.bind),
      isShared: options.share !== undefined,
      acks: protocol === 'tcp' ? (options.acks ?? defaultAcks(inForce, protocol)) : undefined,
      smc: options.smc,
      lowPortGranted: request.port < 1024 && !request.lowPortCapable,
    });
  }
  const first = entries[0];
  return denied('RESERVED_FOR_OTHERS', first && ruleOf(first));
}

function lowPort(inForce: InForce, context: OracleContext, request: OracleRequest): OracleVerdict {
  const setting = lowPortsOf(inForce, request.protocol);
  if (setting?.isRestricted) {
    if (!request.lowPortCapable) return denied('LOW_PORT_RESTRICTED', setting.rule);
    return allowed('UNRESERVED', setting.rule, { acks: defaultAcks(inForce, request.protocol) });
  }
  const verdict = unreserved(inForce, context, request);
  if (!verdict.allowed) return verdict;
  if (setting !== undefined) {
    return { ...verdict, rule: verdict.rule ?? setting.rule, lowPortGranted: !request.lowPortCapable };
  }
  return request.lowPortCapable ? verdict : denied('LOW_PORT_OF_LINUX', undefined);
}

/** The verdict of UNRSV. */
function unreserved(inForce: InForce, context: OracleContext, request: OracleRequest): OracleVerdict {
  const acks = defaultAcks(inForce, request.protocol);
  const when = request.operation === 'bind' ? 'WHENBIND' : 'WHENLISTEN';
  const entries = inForce.unreserved.filter(
    (entry) => entry.protocol === request.protocol && whenOf(entry) === when,
  );
  const first = entries[0];
  if (first === undefined) return allowed('UNRESERVED', undefined, { acks });
  let best: UnreservedEntry | undefined;
  for (const entry of entries) {
    if (!matches(entry.pattern, request.job)) continue;
    if (best === undefined || isMoreSpecific(entry.pattern, best.pattern)) best = entry;
  }
  if (best === undefined) return denied('UNRESERVED_FOR_OTHERS', ruleOf(first));
  if (best.isDenied) return denied('UNRESERVED_DENIED', ruleOf(best));
  if (best.saf !== undefined && !context.isPermitted(best.saf, request.uid, request.groups)) {
    return denied('SAF_NOT_PERMITTED', ruleOf(best));
  }
  return allowed('UNRESERVED_FOR_JOB', ruleOf(best), { acks });
}

// --- Addresses ---

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function isZero(bytes: readonly number[]): boolean {
  return bytes.every((byte) => byte === 0);
}

/** The kind of a wildcard address: 0.0.0.0, ::, or ::ffff:0.0.0.0. */
function wildcardOf({ family, bytes }: IpAddress): 'ipv4' | 'ipv6' | 'mapped' | undefined {
  const all = [...bytes];
  if (isZero(all)) return family === 4 ? 'ipv4' : 'ipv6';
  const isMapped = family === 6 && MAPPED.every((byte, i) => byte === all[i]);
  return isMapped && isZero(all.slice(12)) ? 'mapped' : undefined;
}

/** The address by which BIND replaces a requested wildcard, if any. */
function addressByBind(requested: IpAddress, given: IpAddress | undefined): IpAddress | undefined {
  const wildcard = wildcardOf(requested);
  if (given === undefined || wildcard === undefined) return undefined;
  if (given.family === 6) return wildcard === 'ipv6' ? given : undefined;
  if (wildcard === 'ipv4') return given;
  return { family: 6, bytes: Uint8Array.from([...MAPPED, ...given.bytes]) };
}
