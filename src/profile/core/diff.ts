// Compares two profiles by their reservations and settings, not by their lines.
import type { Protocol } from '../../base/port.ts';
import { useText } from './build.ts';
import type { Profile, Reservation, RuleSource } from './rules.ts';

export interface ProfileChange {
  readonly kind: 'added' | 'removed' | 'changed';
  /** The changed item: "TCP 80 WEB", "TCP 4000-4199 TESTSYS", "UNRSV TCP *", "TCPCONFIG low ports". */
  readonly item: string;
  readonly before?: string;
  readonly after?: string;
  readonly beforeAt?: RuleSource;
  readonly afterAt?: RuleSource;
}

/** The value of one item in a profile. */
interface Value {
  /** What is compared: the words of the rule that affect its meaning. */
  readonly text: string;
  readonly source: RuleSource;
}

/** The differences: reservations by protocol and port, then the rest. */
export function diffProfiles(before: Profile, after: Profile): ProfileChange[] {
  const old = itemsOf(before);
  const now = itemsOf(after);
  const changes: ProfileChange[] = [];
  for (const [item, value] of old) {
    const other = now.get(item);
    if (!other) changes.push({ kind: 'removed', item, before: value.text, beforeAt: value.source });
    else if (other.text !== value.text) {
      const texts = { before: value.text, after: other.text, beforeAt: value.source, afterAt: other.source };
      changes.push({ kind: 'changed', item, ...texts });
    }
  }
  for (const [item, value] of now) {
    if (!old.has(item)) changes.push({ kind: 'added', item, after: value.text, afterAt: value.source });
  }
  const ranks = new Map([...old.keys(), ...now.keys()].map((item) => [item, rankOf(item)]));
  return changes.sort((a, b) => (ranks.get(a.item) ?? 0) - (ranks.get(b.item) ?? 0));
}

/** Reservations by protocol and first port, then everything else. */
function rankOf(item: string): number {
  const match = /^(TCP|UDP) ([0-9]+)/.exec(item);
  if (!match) return Number.MAX_SAFE_INTEGER;
  let port = 0;
  for (const digit of match[2] ?? '') port = port * 10 + digit.charCodeAt(0) - 48;
  return (match[1] === 'UDP' ? 65536 : 0) + port;
}

function itemsOf(profile: Profile): Map<string, Value> {
  const items = new Map<string, Value>();
  for (const [item, value] of reservationItems(profile)) items.set(item, value);
  for (const rule of profile.unreserved) {
    const { protocol, pattern, isDenied, saf, when, source } = rule;
    const text = [isDenied ? 'DENY' : '', saf === undefined ? '' : `SAF ${saf}`, when]
      .filter(Boolean)
      .join(' ');
    items.set(`UNRSV ${protocol.toUpperCase()} ${pattern}`, { text, source });
  }
  for (const protocol of ['tcp', 'udp'] as const) addSettings(items, profile, protocol);
  const { explicitBindPorts: range, autoSmc } = profile;
  if (range)
    items.set('GLOBALCONFIG EXPLICITBINDPORTRANGE', {
      text: `${range.first}-${range.last}`,
      source: range.source,
    });
  if (autoSmc)
    items.set('GLOBALCONFIG SMCGLOBAL', {
      text: autoSmc.isOn ? 'AUTOSMC' : 'NOAUTOSMC',
      source: autoSmc.source,
    });
  addAutolog(items, profile);
  return items;
}

/** The first matching entry of a port applies, so the position among several entries is part of the item. */
function* reservationItems({ reservations }: Profile): Iterable<[string, Value]> {
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

/** The options that are given. */
function optionsText({ source, isRange }: Reservation): string {
  return source.text
    .split(' ')
    .slice(isRange ? 4 : 3)
    .join(' ');
}

function addSettings(items: Map<string, Value>, profile: Profile, protocol: Protocol): void {
  const { lowPorts, ephemeralPorts, acks } = profile[protocol];
  const name = `${protocol.toUpperCase()}CONFIG`;
  if (lowPorts) {
    const text = lowPorts.isRestricted ? 'RESTRICTLOWPORTS' : 'UNRESTRICTLOWPORTS';
    items.set(`${name} low ports`, { text, source: lowPorts.source });
  }
  if (ephemeralPorts) {
    const text = `${ephemeralPorts.first}-${ephemeralPorts.last}`;
    items.set(`${name} EPHEMERALPORTS`, { text, source: ephemeralPorts.source });
  }
  if (acks) items.set(`${name} acknowledgments`, { text: acks.acks, source: acks.source });
}

function addAutolog(items: Map<string, Value>, { autolog, autologWaitMinutes }: Profile): void {
  const [first] = autolog;
  if (first && autologWaitMinutes !== undefined) {
    items.set('AUTOLOG wait', { text: `${autologWaitMinutes} minutes`, source: first.source });
  }
  for (const { procedure, source } of autolog) {
    const text = source.text.split(' ').slice(1).join(' ');
    items.set(`AUTOLOG ${procedure}`, { text, source });
  }
}
