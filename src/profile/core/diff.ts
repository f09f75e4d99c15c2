// What two profiles have that is not the same: reservations and settings, not lines.
import type { Protocol } from '../../base/port.ts';
import { useText } from './build.ts';
import type { Profile, Reservation, RuleSource } from './rules.ts';

export interface ProfileChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** What it is about: "TCP 80 WEB", "TCP 4000-4199 TESTSYS", "UNRSV TCP *", "TCPCONFIG low ports". */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
  readonly beforeAt?: RuleSource;
  readonly afterAt?: RuleSource;
}

/** What a profile says of one thing. */
interface Said {
  /** What is compared: the rule's words, without what does not matter. */
  readonly text: string;
  readonly source: RuleSource;
}

/** The differences, by what they are about: reservations in the order of protocol and port, then the rest. */
export function diffProfiles(before: Profile, after: Profile): ProfileChange[] {
  const old = sayings(before);
  const now = sayings(after);
  const changes: ProfileChange[] = [];
  for (const [what, said] of old) {
    const other = now.get(what);
    if (!other) changes.push({ kind: 'removed', what, before: said.text, beforeAt: said.source });
    else if (other.text !== said.text) {
      const texts = { before: said.text, after: other.text, beforeAt: said.source, afterAt: other.source };
      changes.push({ kind: 'changed', what, ...texts });
    }
  }
  for (const [what, said] of now) {
    if (!old.has(what)) changes.push({ kind: 'added', what, after: said.text, afterAt: said.source });
  }
  const ranks = new Map([...old.keys(), ...now.keys()].map((what) => [what, rankOf(what)]));
  return changes.sort((a, b) => (ranks.get(a.what) ?? 0) - (ranks.get(b.what) ?? 0));
}

/** Reservations by protocol and first port; everything else behind them. */
function rankOf(what: string): number {
  const match = /^(TCP|UDP) ([0-9]+)/.exec(what);
  if (!match) return Number.MAX_SAFE_INTEGER;
  let port = 0;
  for (const digit of match[2] ?? '') port = port * 10 + digit.charCodeAt(0) - 48;
  return (match[1] === 'UDP' ? 65536 : 0) + port;
}

function sayings(profile: Profile): Map<string, Said> {
  const said = new Map<string, Said>();
  for (const [what, one] of reservationsOf(profile)) said.set(what, one);
  for (const rule of profile.unreserved) {
    const { protocol, pattern, isDenied, saf, when, source } = rule;
    const text = [isDenied ? 'DENY' : '', saf === undefined ? '' : `SAF ${saf}`, when]
      .filter(Boolean)
      .join(' ');
    said.set(`UNRSV ${protocol.toUpperCase()} ${pattern}`, { text, source });
  }
  for (const protocol of ['tcp', 'udp'] as const) addSettings(said, profile, protocol);
  const { explicitBindPorts: pool, autoSmc } = profile;
  if (pool)
    said.set('GLOBALCONFIG EXPLICITBINDPORTRANGE', {
      text: `${pool.first}-${pool.last}`,
      source: pool.source,
    });
  if (autoSmc)
    said.set('GLOBALCONFIG SMCGLOBAL', {
      text: autoSmc.isOn ? 'AUTOSMC' : 'NOAUTOSMC',
      source: autoSmc.source,
    });
  addAutolog(said, profile);
  return said;
}

/** A port's entries are searched in their order, so that the place among several is part of what is said. */
function* reservationsOf({ reservations }: Profile): Iterable<[string, Said]> {
  const places = new Map<string, number>();
  const counts = new Map<string, number>();
  for (const reservation of reservations) {
    const ports = portsText(reservation);
    counts.set(ports, (counts.get(ports) ?? 0) + 1);
  }
  for (const reservation of reservations) {
    const ports = portsText(reservation);
    const place = (places.get(ports) ?? 0) + 1;
    places.set(ports, place);
    const order = (counts.get(ports) ?? 1) > 1 ? `entry ${place} ` : '';
    const text = `${order}${optionsText(reservation)}`.trim();
    yield [`${ports} ${useText(reservation.use)}`, { text, source: reservation.source }];
  }
}

function portsText({ protocol, first, last, isRange }: Reservation): string {
  return `${protocol.toUpperCase()} ${isRange ? `${first}-${last}` : first}`;
}

/** The options, as far as they were said. */
function optionsText({ source, isRange }: Reservation): string {
  return source.text
    .split(' ')
    .slice(isRange ? 4 : 3)
    .join(' ');
}

function addSettings(said: Map<string, Said>, profile: Profile, protocol: Protocol): void {
  const { lowPorts, ephemeralPorts, acks } = profile[protocol];
  const name = `${protocol.toUpperCase()}CONFIG`;
  if (lowPorts) {
    const text = lowPorts.isRestricted ? 'RESTRICTLOWPORTS' : 'UNRESTRICTLOWPORTS';
    said.set(`${name} low ports`, { text, source: lowPorts.source });
  }
  if (ephemeralPorts) {
    const text = `${ephemeralPorts.first}-${ephemeralPorts.last}`;
    said.set(`${name} EPHEMERALPORTS`, { text, source: ephemeralPorts.source });
  }
  if (acks) said.set(`${name} acknowledgments`, { text: acks.acks, source: acks.source });
}

function addAutolog(said: Map<string, Said>, { autolog, autologWaitMinutes }: Profile): void {
  const [first] = autolog;
  if (first && autologWaitMinutes !== undefined) {
    said.set('AUTOLOG wait', { text: `${autologWaitMinutes} minutes`, source: first.source });
  }
  for (const { procedure, source } of autolog) {
    const text = source.text.split(' ').slice(1).join(' ');
    said.set(`AUTOLOG ${procedure}`, { text, source });
  }
}
