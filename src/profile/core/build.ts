// Executes the statements of a profile in order, by the rules of z/OS, and reports conflicts; the result is a Profile.
import { FirstFew } from '../../base/first-few.ts';
import { hasWildcard, matchesJob } from '../../base/job.ts';
import { PROFILE_ERRORS_MAX } from '../../base/limits.ts';
import type { Port, Protocol } from '../../base/port.ts';
import type { Finding, Place } from '../../text/source.ts';
import type {
  AutologStatement,
  ConfigStatement,
  DeleteStatement,
  PortEntry,
  RangeEntry,
  Statement,
  UnreservedEntry,
  Use,
  Written,
} from '../text/statements.ts';
import { PortClaims } from './claims.ts';
import {
  type AutologRule,
  EMPTY_PROFILE,
  type Profile,
  type ProtocolSettings,
  type Reservation,
  type RuleSource,
  type UnreservedRule,
} from './rules.ts';

interface BuiltProfile {
  readonly profile: Profile;
  /** In statement order. */
  readonly findings: readonly Finding[];
}

/**
 * Executes statements on an existing profile or on an empty one. An entry that violates the rules is ignored, as on
 * z/OS, and reported as an error: a caller that wants all or nothing checks for errors.
 */
export function buildProfile(statements: readonly Statement[], base: Profile = EMPTY_PROFILE): BuiltProfile {
  const builder = new ProfileBuilder(base);
  builder.run(statements);
  builder.warn();
  return { profile: builder.profile(), findings: builder.findings() };
}

/** The job field of an entry: a pattern, RESERVED or AUTHPORT. */
export function useText(use: Use): string {
  return use.kind === 'JOB' ? use.pattern : use.kind;
}

function sourceOf({ place, words }: Written): RuleSource {
  return { file: place.file, line: place.line, text: words.join(' ') };
}

function placeOf({ file, line }: RuleSource): Place {
  return { file, line, column: 1, length: 0 };
}

type Settings = { -readonly [Key in keyof ProtocolSettings]: ProtocolSettings[Key] };

class ProfileBuilder {
  readonly #findings = new FirstFew<Finding['severity'], Finding>(PROFILE_ERRORS_MAX);
  readonly #claims = { tcp: new PortClaims(), udp: new PortClaims() };
  readonly #reservations: Set<Reservation>;
  readonly #unreserved: Set<UnreservedRule>;
  /** UNRSV entries by pattern; all entries of a protocol have the same `when`. */
  readonly #patterns: Readonly<Record<Protocol, Map<string, UnreservedRule>>> = {
    tcp: new Map(),
    udp: new Map(),
  };
  readonly #settings: Readonly<Record<Protocol, Settings>>;
  #explicitBindPorts: Profile['explicitBindPorts'];
  #autoSmc: Profile['autoSmc'];
  #autolog: AutologRule[];
  #autologWaitMinutes: number | undefined;
  #hasAutolog = false;

  constructor(base: Profile) {
    this.#reservations = new Set(base.reservations);
    for (const reservation of base.reservations) this.#claims[reservation.protocol].add(reservation);
    this.#unreserved = new Set(base.unreserved);
    for (const rule of base.unreserved) this.#patterns[rule.protocol].set(rule.pattern, rule);
    this.#settings = { tcp: { ...base.tcp }, udp: { ...base.udp } };
    this.#explicitBindPorts = base.explicitBindPorts;
    this.#autoSmc = base.autoSmc;
    this.#autolog = [...base.autolog];
    this.#autologWaitMinutes = base.autologWaitMinutes;
  }

  profile(): Profile {
    return {
      reservations: [...this.#reservations],
      unreserved: [...this.#unreserved],
      tcp: this.#settings.tcp,
      udp: this.#settings.udp,
      explicitBindPorts: this.#explicitBindPorts,
      autoSmc: this.#autoSmc,
      autolog: this.#autolog,
      autologWaitMinutes: this.#autologWaitMinutes,
    };
  }

  /** The findings, and the number of those beyond the limit. */
  findings(): Finding[] {
    const { kept, leftOut } = this.#findings;
    const more = leftOut.map(({ kind, count, first: { place } }): Finding => {
      return {
        severity: kind,
        code: 'MORE',
        message: `${count} more ${kind}s are not shown`,
        hint: '',
        place,
      };
    });
    return [...kept, ...more];
  }

  #report(finding: Finding): void {
    this.#findings.add(finding.severity, finding);
  }

  run(statements: readonly Statement[]): void {
    for (const statement of statements) this.#execute(statement);
  }

  #execute(statement: Statement): void {
    if (statement.kind === 'PORT' || statement.kind === 'PORTRANGE') {
      for (const entry of statement.entries) if (!entry.isIgnored) this.#add(entry);
    } else if (statement.kind === 'DELETE') this.#delete(statement);
    else if (statement.kind === 'AUTOLOG') this.#setAutolog(statement);
    else if (statement.kind === 'INCLUDE') this.run(statement.statements);
    else if (statement.kind !== 'SKIPPED') this.#configure(statement);
  }

  #error(entry: Written, code: string, message: string, existing?: RuleSource, zos?: string): void {
    this.#report({
      severity: 'error',
      code,
      message,
      hint: '',
      place: entry.place,
      ...(zos === undefined ? {} : { zos }),
      ...(existing
        ? { related: { place: placeOf(existing), text: `existing entry: ${existing.text}` } }
        : {}),
    });
  }

  #add(entry: PortEntry | RangeEntry | UnreservedEntry): void {
    if (entry.kind === 'unreserved') this.#addUnreserved(entry);
    else if (entry.kind === 'port') this.#addPort(entry);
    else this.#addRange(entry);
  }

  #addPort(entry: PortEntry): void {
    const { port, protocol, use, options } = entry;
    const first = this.#claims[protocol].firstAt(port);
    const same = this.#claims[protocol].find(port, use);
    if (first && protocol === 'udp' && !first.isRange) this.#secondUdpJob(entry, first);
    else if (first && isExclusive(first, use)) this.#conflict(entry, 'PORT', port, first);
    else if (same) this.#duplicate(entry, same.source);
    else
      this.#reserve({
        protocol,
        first: port,
        last: port,
        isRange: false,
        use,
        options,
        source: sourceOf(entry),
      });
  }

  /** "The ports reserved cannot overlap other ranges": the whole entry is ignored. */
  #addRange(entry: RangeEntry): void {
    const { first, last, protocol, use, options } = entry;
    const claimed = this.#claims[protocol].firstWithin(first, last);
    if (claimed === undefined) {
      this.#reserve({ protocol, first, last, isRange: true, use, options, source: sourceOf(entry) });
      return;
    }
    const existing = this.#claims[protocol].firstAt(claimed);
    if (existing) this.#conflict(entry, 'PORTRANGE', claimed, existing);
  }

  #reserve(reservation: Reservation): void {
    this.#reservations.add(reservation);
    this.#claims[reservation.protocol].add(reservation);
  }

  /** EZZ0326I: "statement1 CONFLICTS WITH statement2 VALUE value USED ON LINE lineno" */
  #conflict(
    entry: PortEntry | RangeEntry,
    name: string,
    port: Port,
    existing: Reservation | undefined,
  ): void {
    if (!existing) return;
    const other = existing.isRange ? 'PORTRANGE' : 'PORT';
    const { line, file } = existing.source;
    const where = file === entry.place.file ? `line ${line}` : `line ${line} of ${file}`;
    const conflict = `${name} on line ${entry.place.line} conflicts with ${other} on ${where}`;
    const message = `${conflict}, which reserves ${port}/${entry.protocol}: this entry is ignored`;
    this.#error(entry, 'PORT_CONFLICT', message, existing.source, 'EZZ0326I');
  }

  /** "For UDP, only one job name can be associated with a port." */
  #secondUdpJob(entry: PortEntry, existing: Reservation): void {
    const existingText = `${entry.port}/udp is reserved for ${useText(existing.use)} on line ${existing.source.line}`;
    const message = `${existingText}, and a UDP port can have only one job name: this entry is ignored`;
    this.#error(entry, 'PORT_CONFLICT', message, existing.source, 'EZZ0326I');
  }

  #duplicate(entry: Written, existing: RuleSource): void {
    const message = `this entry duplicates line ${existing.line} and is ignored`;
    this.#error(entry, 'DUPLICATE', message, existing);
  }

  #addUnreserved(entry: UnreservedEntry): void {
    const { protocol, pattern, isDenied, saf } = entry;
    const when = whenOf(entry);
    const rules = this.#patterns[protocol];
    const other = rules.values().next().value;
    const same = rules.get(pattern);
    if (other && other.when !== when) this.#conflictingWhen(entry, when, other);
    else if (same) this.#duplicate(entry, same.source);
    else {
      const rule: UnreservedRule = { protocol, pattern, isDenied, saf, when, source: sourceOf(entry) };
      this.#unreserved.add(rule);
      rules.set(pattern, rule);
    }
  }

  /** "Conflicts with current access control of" (EZZ0147I): all entries of UNRSV TCP apply at the same call. */
  #conflictingWhen(entry: UnreservedEntry, when: string, other: UnreservedRule): void {
    const protocol = entry.protocol.toUpperCase();
    const message = `${when} conflicts with ${other.when} of the other UNRSV ${protocol} entries`;
    this.#error(entry, 'UNRSV_WHEN', `${message}: this entry is ignored`, other.source, 'EZZ0147I');
  }

  #delete(statement: DeleteStatement): void {
    for (const entry of statement.entries) {
      if (entry.isIgnored) continue;
      const isDeleted =
        entry.kind === 'unreserved' ? this.#deleteUnreserved(entry) : this.#deleteReservation(entry);
      if (isDeleted) continue;
      const message = `cannot delete ${deletedText(entry)}: there is no such reservation`;
      this.#error(entry, 'DELETE_FAILED', message, undefined, 'EZZ0395I');
    }
  }

  #deleteUnreserved({ protocol, pattern }: UnreservedEntry): boolean {
    const rule = this.#patterns[protocol].get(pattern);
    this.#patterns[protocol].delete(pattern);
    return rule !== undefined && this.#unreserved.delete(rule);
  }

  /** "The values of the required parameters must match": the ports, the protocol, and the job. */
  #deleteReservation(entry: PortEntry | RangeEntry): boolean {
    const isRange = entry.kind === 'range';
    const first = isRange ? entry.first : entry.port;
    const last = isRange ? entry.last : entry.port;
    const claims = this.#claims[entry.protocol];
    const existing = claims.find(first, entry.use);
    if (existing?.isRange !== isRange || existing.first !== first || existing.last !== last) return false;
    claims.remove(existing);
    this.#reservations.delete(existing);
    return true;
  }

  #configure(statement: ConfigStatement): void {
    const settings = this.#settings[statement.kind === 'UDPCONFIG' ? 'udp' : 'tcp'];
    for (const entry of statement.settings) {
      const { setting } = entry;
      if (!setting || entry.isIgnored) continue;
      const source = sourceOf(entry);
      if (setting.kind === 'lowPorts') settings.lowPorts = { isRestricted: setting.isRestricted, source };
      else if (setting.kind === 'ephemeralPorts') {
        settings.ephemeralPorts = { first: setting.first, last: setting.last, source };
      } else if (setting.kind === 'acks') settings.acks = { acks: setting.acks, source };
      else if (setting.kind === 'autoSmc') this.#autoSmc = { isOn: setting.isOn, source };
      else this.#explicitBindPorts = setting.range && { ...setting.range, source };
    }
  }

  /** The first AUTOLOG of a text replaces that of the base; further ones add to it. */
  #setAutolog(statement: AutologStatement): void {
    if (statement.isIgnored) return;
    if (!this.#hasAutolog) this.#autolog = [];
    this.#hasAutolog = true;
    this.#autologWaitMinutes = statement.waitMinutes;
    for (const entry of statement.entries) {
      if (entry.isIgnored) continue;
      const { procedure, job, parameters, delayStart } = entry;
      this.#autolog.push({ procedure, job, parameters, delayStart, source: sourceOf(entry) });
    }
  }

  /** Reports entries that are legal but probably mistakes. */
  warn(): void {
    const patternEntries = { tcp: new Map<Port, Reservation[]>(), udp: new Map<Port, Reservation[]>() };
    const names = new Set<string>();
    const patterns = new Set<string>();
    for (const reservation of this.#reservations) {
      const { isRange, protocol, first, use, options } = reservation;
      const name = useText(use);
      if (use.kind === 'JOB' && options.autolog) (isPattern(name) ? patterns : names).add(name);
      if (isRange) continue;
      const earlier = patternEntries[protocol].get(first);
      if (earlier) this.#warnUnreached(reservation, earlier);
      if (!isPattern(name)) continue;
      if (!earlier) patternEntries[protocol].set(first, [reservation]);
      else if (earlier.length < PATTERNS_COMPARED_MAX) earlier.push(reservation);
    }
    const compared = [...patterns].slice(0, PATTERNS_COMPARED_MAX);
    for (const rule of this.#autolog) if (!names.has(rule.job)) this.#warnUnmonitored(rule, compared);
  }

  /** The first matching entry of a port applies: an entry after one that matches all its jobs is never reached. */
  #warnUnreached(reservation: Reservation, before: readonly Reservation[]): void {
    const name = useText(reservation.use);
    const cover = before.find(({ use }) => covers(useText(use), name));
    if (!cover) return;
    const coverText = `${useText(cover.use)} on line ${cover.source.line}`;
    const message = `this entry is never reached: ${coverText} matches every job that ${name} matches`;
    this.#report({
      severity: 'warning',
      code: 'UNREACHED',
      message,
      hint: '',
      place: placeOf(reservation.source),
      related: { place: placeOf(cover.source), text: `earlier entry: ${cover.source.text}` },
    });
  }

  /** "The jobname value must exactly match the jobname value on the AUTOLOG statement" */
  #warnUnmonitored({ job, source }: AutologRule, patterns: readonly string[]): void {
    if (!patterns.some((pattern) => matchesJob(pattern, job))) return;
    const message = `AUTOLOG does not watch the ports of ${job}: they are reserved by wildcards only`;
    const hint = `Reserve a port for ${job} by its exact name.`;
    this.#report({
      severity: 'warning',
      code: 'AUTOLOG_WILDCARD',
      message,
      hint,
      place: placeOf(source),
    });
  }
}

/** The maximum number of patterns that each name is compared with; there are no warnings beyond it. */
const PATTERNS_COMPARED_MAX = 64;

/** Whether a name can match more than one job. */
function isPattern(name: string): boolean {
  return hasWildcard(name) || name === 'OMVS';
}

const whenOf = ({ when, protocol }: UnreservedEntry) =>
  when ?? (protocol === 'tcp' ? 'WHENLISTEN' : 'WHENBIND');

/** A port of a range or of RESERVED has no other entries, and a port with entries cannot become RESERVED. */
function isExclusive({ isRange, use }: Reservation, added: Use): boolean {
  return isRange || use.kind === 'RESERVED' || added.kind === 'RESERVED';
}

/** Whether every job that `later` matches is matched by `earlier`. */
function covers(earlier: string, later: string): boolean {
  if (earlier === '*' || earlier === later) return true;
  if (earlier === 'INTCLIEN' || later === '*') return false;
  return earlier === 'OMVS' || (!hasWildcard(later) && matchesJob(earlier, later));
}

function deletedText(entry: PortEntry | RangeEntry | UnreservedEntry): string {
  const protocol = entry.protocol.toUpperCase();
  if (entry.kind === 'unreserved') return `UNRSV ${protocol} ${entry.pattern}`;
  const use = useText(entry.use);
  if (entry.kind === 'port') return `PORT ${entry.port} ${protocol} ${use}`;
  return `PORTRANGE ${entry.first} ${entry.last - entry.first + 1} ${protocol} ${use}`;
}
