// What a profile means for the ports that Linux gives to whoever asks for none: which it keeps, and from which range.

import { PortreeveError } from '../../base/errors.ts';
import { PORT_MAX, parseDecimal } from '../../base/port.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import type { Profile, RangeSetting, RuleSource } from '../../profile/core/rules.ts';
import { formatPortList, parseLocalRange, parsePortList } from '../../text/port-list.ts';

/** Fewer ports than this for clients are told: one that talked to a server is not used again for a minute. */
const CLIENT_PORTS_FEW = 5000;
/** What ip_unprivileged_port_start is unless somebody has set it. */
const USUAL_UNPRIVILEGED_START = 1024;

/** The settings as they are; undefined where the kernel has none of the name. */
export interface PortSettings {
  readonly reservedPorts: string | undefined;
  readonly portRange: string | undefined;
  readonly unprivilegedStart: string | undefined;
}

/** What a setting is to be. */
export interface PortSettingWrite {
  readonly name: string;
  /** What it is. */
  readonly current: string;
  /** What it is to be; the same where nothing is to be written. */
  readonly value: string;
  /** What it is to be when the guard is gone. */
  readonly found: string;
}

/** What somebody should know about the pools. */
export interface PortSettingNote {
  readonly severity: 'warning' | 'note';
  readonly code: string;
  readonly message: string;
  /** What can be done about it; may be empty. */
  readonly hint: string;
  /** The statement that it is about. */
  readonly source: RuleSource | undefined;
}

/**
 * What of the settings is the profile's business: all of them, or the reserved ports alone. These can be kept wherever
 * the profile holds, since nobody is refused a port by them; the range is for all of a network namespace.
 */
export type PortSettingScope = 'all' | 'reserved ports';

/** What is to be done about the pools. */
export interface PortSettingPlan {
  /** A setting that is the profile's business, or was. */
  readonly writes: readonly PortSettingWrite[];
  readonly notes: readonly PortSettingNote[];
  /** How many ports stay for clients; undefined where the kernel does not tell. */
  readonly clientPorts: number | undefined;
}

/**
 * What is to be written for a profile: its reserved ports, TCP and UDP in one list because Linux has one, besides those
 * that are others'; and the range of EPHEMERALPORTS. Others' changes since the last time stay: a port that they added
 * stays when ours go, one of theirs that they removed does not come back. What is ours is put back.
 *
 * The empty profile takes back what was written. Throws PortreeveError `SYSCTL_UNKNOWN` (environment) for a setting
 * that is not what Linux prints.
 */
export function planPortSettings(
  profile: Profile,
  settings: PortSettings,
  record: readonly SysctlChange[],
  scope: PortSettingScope = 'all',
): PortSettingPlan {
  const notes: PortSettingNote[] = [];
  const changeOf = (name: string) => record.find((change) => change.name === name);
  const reserved = planReserved(profile, settings.reservedPorts, changeOf(RESERVED_PORTS), notes);
  if (scope === 'reserved ports') return planOfReserved(reserved, settings.portRange, notes);
  const start = numberIn(UNPRIVILEGED_START, settings.unprivilegedStart) ?? USUAL_UNPRIVILEGED_START;
  const wanted = ephemeralPorts(profile, start, notes);
  const range = planRange(wanted, settings.portRange, changeOf(PORT_RANGE), notes);
  noteLowPorts(profile, start, notes);
  const clientPorts = reserved && range ? countClientPorts(reserved.value, range.value) : undefined;
  if (profile.reservations.length > 0 || wanted) noteClientPorts(clientPorts, range?.value, notes);
  return { writes: [reserved, range].filter((write) => write !== undefined), notes, clientPorts };
}

/** The range is somebody else's: it is only looked at whether it has ports left. */
function planOfReserved(
  reserved: PortSettingWrite | undefined,
  portRange: string | undefined,
  notes: PortSettingNote[],
): PortSettingPlan {
  const range = portRange === undefined ? undefined : formatRange(rangeIn(portRange));
  const clientPorts = reserved && range ? countClientPorts(reserved.value, range) : undefined;
  if (reserved && reserved.value !== reserved.found) noteClientPorts(clientPorts, range, notes);
  return { writes: reserved ? [reserved] : [], notes, clientPorts };
}

/** Where the one range of Linux is not what a profile says, with `start` as ip_unprivileged_port_start. */
export function poolDifferences(profile: Profile, start: number): readonly PortSettingNote[] {
  const notes: PortSettingNote[] = [];
  ephemeralPorts(profile, start, notes);
  return notes;
}

/** Every port that a profile reserves, for whomever. */
export function reservedPorts({ reservations }: Profile): Set<number> {
  const ports = new Set<number>();
  for (const { first, last } of reservations)
    for (let port: number = first; port <= last; port++) ports.add(port);
  return ports;
}

function planReserved(
  profile: Profile,
  text: string | undefined,
  change: SysctlChange | undefined,
  notes: PortSettingNote[],
): PortSettingWrite | undefined {
  const ours = reservedPorts(profile);
  if (text === undefined) {
    if (ours.size > 0) notes.push(missing(RESERVED_PORTS, 'reserved ports may be given to clients'));
    return undefined;
  }
  const current = portsIn(text);
  const others = change ? othersPorts(current, change) : current;
  if (change && change.before === undefined) noteTakenOut(ours, current, portsIn(change.written), notes);
  const value = formatPortList(ours.union(others));
  return { name: RESERVED_PORTS, current: formatPortList(current), value, found: formatPortList(others) };
}

/** The ports in the list that are not there because of us. */
function othersPorts(current: ReadonlySet<number>, { found, written, before }: SysctlChange): Set<number> {
  const added = current.difference(portsIn(written));
  if (before === undefined) return portsIn(found).intersection(current).union(added);
  // The write may have been cut off: what is not in the list now may be missing only because of that.
  return portsIn(found).union(added.difference(portsIn(before)));
}

function noteTakenOut(
  ours: ReadonlySet<number>,
  current: ReadonlySet<number>,
  written: ReadonlySet<number>,
  notes: PortSettingNote[],
): void {
  const gone = ours.intersection(written).difference(current);
  if (gone.size === 0) return;
  notes.push({
    severity: 'warning',
    code: 'RESERVED_PORTS_REMOVED',
    message: `somebody took ${count(gone.size)} of the profile out of ${RESERVED_PORTS}`,
    hint: 'Whoever sets it replaces the whole list: look into /etc/sysctl.conf and /etc/sysctl.d.',
    source: undefined,
  });
}

/** A closed range of ports. */
interface Range {
  readonly first: number;
  readonly last: number;
}

function planRange(
  wanted: Range | undefined,
  text: string | undefined,
  change: SysctlChange | undefined,
  notes: PortSettingNote[],
): PortSettingWrite | undefined {
  if (text === undefined) {
    if (wanted) notes.push(missing(PORT_RANGE, 'EPHEMERALPORTS is not obeyed'));
    return undefined;
  }
  const current = formatRange(rangeIn(text));
  const isOurs = change !== undefined && [change.written, change.before].includes(current);
  const found = isOurs ? change.found : current;
  const value = wanted ? formatRange(wanted) : found;
  if (change && !isOurs && wanted && value !== current) {
    notes.push({
      severity: 'warning',
      code: 'PORT_RANGE_CHANGED',
      message: `somebody set ${PORT_RANGE} to ${rangeText(rangeIn(current))}, against EPHEMERALPORTS`,
      hint: 'Look into /etc/sysctl.conf and /etc/sysctl.d.',
      source: undefined,
    });
  }
  return { name: PORT_RANGE, current, value, found };
}

/** The one range that does what TCPCONFIG and UDPCONFIG say, as far as Linux can; undefined if there is none. */
function ephemeralPorts({ tcp, udp }: Profile, start: number, notes: PortSettingNote[]): Range | undefined {
  const [pool, other] = [tcp.ephemeralPorts, udp.ephemeralPorts].filter((each) => each !== undefined);
  if (!pool) return undefined;
  if (!other) notes.push(sharedRange(pool, pool === tcp.ephemeralPorts ? 'UDP' : 'TCP'));
  const both = {
    first: Math.max(pool.first, other?.first ?? 0),
    last: Math.min(pool.last, other?.last ?? PORT_MAX),
  };
  const isSame = !other || (pool.first === other.first && pool.last === other.last);
  if (!isSame) notes.push(differentRanges(pool, other, both));
  if (both.first > both.last) return undefined;
  const range = { first: Math.max(both.first, start), last: both.last };
  if (both.first < start) notes.push(lowRange(pool, range, start));
  return range.first <= range.last ? range : undefined;
}

function sharedRange({ source }: RangeSetting, other: string): PortSettingNote {
  const message = `Linux has one range for TCP and UDP: EPHEMERALPORTS holds for ${other} as well`;
  return { severity: 'note', code: 'EPHEMERAL_PORTS_SHARED', message, hint: '', source };
}

function differentRanges(tcp: RangeSetting, udp: RangeSetting, both: Range): PortSettingNote {
  const taken = both.first <= both.last ? `${rangeText(both)}, which is in both, is taken` : 'none is taken';
  return {
    severity: 'warning',
    code: 'EPHEMERAL_PORTS_DIFFER',
    message:
      `EPHEMERALPORTS is ${rangeText(tcp)} for TCP and ${rangeText(udp)} for UDP, ` +
      `but Linux has one range: ${taken}`,
    hint: 'Give TCPCONFIG and UDPCONFIG the same EPHEMERALPORTS.',
    source: udp.source,
  };
}

function lowRange({ source }: RangeSetting, range: Range, start: number): PortSettingNote {
  const taken = range.first <= range.last ? `${rangeText(range)} is taken` : 'none is taken';
  return {
    severity: 'warning',
    code: 'EPHEMERAL_PORTS_LOW',
    message: `EPHEMERALPORTS begins below ${UNPRIVILEGED_START}, which is ${start}, and Linux refuses that: ${taken}`,
    hint: `Begin EPHEMERALPORTS at ${start}, or set ${UNPRIVILEGED_START} lower.`,
    source,
  };
}

/** Linux itself restricts the ports below ip_unprivileged_port_start, and the guard cannot see capabilities. */
function noteLowPorts({ tcp, udp }: Profile, start: number, notes: PortSettingNote[]): void {
  const restricted = [tcp.lowPorts, udp.lowPorts].find((lowPorts) => lowPorts?.isRestricted);
  if (!restricted || start >= USUAL_UNPRIVILEGED_START) return;
  const ports = rangeText({ first: Math.max(start, 1), last: USUAL_UNPRIVILEGED_START - 1 });
  notes.push({
    severity: 'warning',
    code: 'LOW_PORTS_OPEN',
    message:
      `${UNPRIVILEGED_START} is ${start}: Linux lets everybody have the ports ${ports}, so that RESTRICTLOWPORTS ` +
      'holds for them only while the guard enforces it, and then for all but root, whatever capabilities they have',
    hint: `To have Linux restrict them as well: sysctl -w ${UNPRIVILEGED_START}=${USUAL_UNPRIVILEGED_START}`,
    source: restricted.source,
  });
}

function noteClientPorts(
  clientPorts: number | undefined,
  range: string | undefined,
  notes: PortSettingNote[],
): void {
  if (clientPorts === undefined || range === undefined || clientPorts >= CLIENT_PORTS_FEW) return;
  const whole = rangeIn(range);
  const size = whole.last - whole.first + 1;
  const stay =
    clientPorts === 0
      ? 'no port stays'
      : `only ${count(clientPorts)} ${clientPorts === 1 ? 'stays' : 'stay'}`;
  notes.push({
    severity: 'warning',
    code: 'CLIENT_PORTS_FEW',
    message: `${stay} for clients: ${rangeText(whole)} has ${size}, of which ${size - clientPorts} are reserved`,
    hint: 'Without a free port clients cannot connect. Reserve fewer ports there, or widen EPHEMERALPORTS.',
    source: undefined,
  });
}

function countClientPorts(reserved: string, range: string): number {
  const { first, last } = rangeIn(range);
  const inRange = [...parsePortList(reserved)].filter((port) => port >= first && port <= last);
  return last - first + 1 - inRange.length;
}

function missing(name: string, consequence: string): PortSettingNote {
  const message = `this kernel has no ${name}: ${consequence}`;
  const hint = 'In a container it may be hidden: run the guard on the host.';
  return { severity: 'warning', code: 'SYSCTL_MISSING', message, hint, source: undefined };
}

/** The reserved ports of a profile that the kernel may assign, with the setting as it is; all where it has none. */
export function assignablePorts(profile: Profile, reservedSetting: string | undefined): Set<number> {
  const ours = reservedPorts(profile);
  return reservedSetting === undefined ? ours : ours.difference(portsIn(reservedSetting));
}

function portsIn(text: string): Set<number> {
  try {
    return parsePortList(text);
  } catch (thrown) {
    throw thrown instanceof PortreeveError ? unknown(RESERVED_PORTS, thrown.message) : thrown;
  }
}

function rangeIn(text: string): Range {
  const range = parseLocalRange(text);
  if (range) return range;
  throw unknown(PORT_RANGE, `"${text.slice(0, 40)}" is no range of ports`);
}

function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = parseDecimal(text, PORT_MAX + 1);
  if (value !== undefined) return value;
  throw unknown(name, `"${text.slice(0, 40)}" is no number of a port`);
}

/** As Linux prints it. */
const formatRange = ({ first, last }: Range): string => `${first}\t${last}`;

const rangeText = ({ first, last }: Range): string => (first === last ? `${first}` : `${first} to ${last}`);

const count = (ports: number): string => (ports === 1 ? '1 port' : `${ports} ports`);

function unknown(name: string, why: string): PortreeveError {
  const hint = 'Nothing was changed.';
  return new PortreeveError('SYSCTL_UNKNOWN', `${name} is not as Linux prints it: ${why}`, hint, {
    name,
  });
}
