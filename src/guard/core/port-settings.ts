// Plans the kernel's port settings for a profile: the reserved ports, and the ephemeral range.

import { PortreeveError } from '../../base/errors.ts';
import { PORT_MAX, parseDecimal } from '../../base/port.ts';
import type { SysctlChange } from '../../base/sysctl-change.ts';
import { PORT_RANGE, RESERVED_PORTS, UNPRIVILEGED_START } from '../../names/core/kernel-ports.ts';
import type { Profile, RangeSetting, RuleSource } from '../../profile/core/rules.ts';
import { formatPortList, parseLocalRange, parsePortList } from '../../text/port-list.ts';

/** Warn below this many ephemeral ports: a port that was connected to a server is not reused for a minute. */
const CLIENT_PORTS_FEW = 5000;
const DEFAULT_UNPRIVILEGED_START = 1024;

/** The present settings; undefined where the kernel does not have a setting. */
export interface PortSettings {
  readonly reservedPorts: string | undefined;
  readonly portRange: string | undefined;
  readonly unprivilegedStart: string | undefined;
}

export interface PortSettingWrite {
  readonly name: string;
  readonly current: string;
  /** The value to write; equal to `current` where nothing is to be written. */
  readonly value: string;
  /** The value to restore when the guard is removed. */
  readonly found: string;
}

/** A note about the port settings. */
export interface PortSettingNote {
  readonly severity: 'warning' | 'note';
  readonly code: string;
  readonly message: string;
  /** How to fix it; may be empty. */
  readonly hint: string;
  /** The affected statement. */
  readonly source: RuleSource | undefined;
}

/**
 * The settings that a profile controls: all of them, or only the reserved ports. Reserved ports can be set wherever the
 * guard covers a namespace, because they refuse no bind; the range affects the whole namespace.
 */
export type PortSettingScope = 'all' | 'reserved ports';

export interface PortSettingPlan {
  /** The settings that the profile controls or controlled. */
  readonly writes: readonly PortSettingWrite[];
  readonly notes: readonly PortSettingNote[];
  /** How many ports of the ephemeral range are not reserved; undefined where the kernel does not report that. */
  readonly ephemeralPorts: number | undefined;
}

/**
 * Plans the writes for a profile: its reserved ports, in addition to those of other programs (Linux has one list for
 * TCP and UDP), and the range of EPHEMERALPORTS. Later changes by other programs are kept: a port that they added
 * remains when the guard's are removed, and one that they removed is not added again. The guard's own are put back.
 *
 * The empty profile restores the earlier values. Throws PortreeveError `SYSCTL_UNKNOWN` (environment) for a setting in
 * a format that Linux does not use.
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
  const start = numberIn(UNPRIVILEGED_START, settings.unprivilegedStart) ?? DEFAULT_UNPRIVILEGED_START;
  const wanted = ephemeralRange(profile, start, notes);
  const range = planRange(wanted, settings.portRange, changeOf(PORT_RANGE), notes);
  noteLowPorts(profile, start, notes);
  const ephemeralPorts = reserved && range ? countEphemeral(reserved.value, range.value) : undefined;
  if (profile.reservations.length > 0 || wanted) noteFewPorts(ephemeralPorts, range?.value, notes);
  return { writes: [reserved, range].filter((write) => write !== undefined), notes, ephemeralPorts };
}

/** The range is not changed: it is only checked for whether enough ports are left. */
function planOfReserved(
  reserved: PortSettingWrite | undefined,
  portRange: string | undefined,
  notes: PortSettingNote[],
): PortSettingPlan {
  const range = portRange === undefined ? undefined : formatRange(rangeIn(portRange));
  const ephemeralPorts = reserved && range ? countEphemeral(reserved.value, range) : undefined;
  if (reserved && reserved.value !== reserved.found) noteFewPorts(ephemeralPorts, range, notes);
  return { writes: reserved ? [reserved] : [], notes, ephemeralPorts };
}

/** Where the range of Linux differs from a profile. `start`: ip_unprivileged_port_start. */
export function rangeDifferences(profile: Profile, start: number): readonly PortSettingNote[] {
  const notes: PortSettingNote[] = [];
  ephemeralRange(profile, start, notes);
  return notes;
}

/** Every port that a profile reserves, for any job or none. */
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
  const reserved = reservedPorts(profile);
  if (text === undefined) {
    if (reserved.size > 0) notes.push(missing(RESERVED_PORTS, 'it may assign reserved ports'));
    return undefined;
  }
  const current = portsIn(text);
  const others = change ? othersPorts(current, change) : current;
  if (change && change.before === undefined) noteRemoved(reserved, current, portsIn(change.written), notes);
  const value = formatPortList(reserved.union(others));
  return { name: RESERVED_PORTS, current: formatPortList(current), value, found: formatPortList(others) };
}

/** The ports in the list that other programs put there. */
function othersPorts(current: ReadonlySet<number>, { found, written, before }: SysctlChange): Set<number> {
  const added = current.difference(portsIn(written));
  if (before === undefined) return portsIn(found).intersection(current).union(added);
  // The write may have been interrupted: a port may be missing from the list only because of that.
  return portsIn(found).union(added.difference(portsIn(before)));
}

function noteRemoved(
  reserved: ReadonlySet<number>,
  current: ReadonlySet<number>,
  written: ReadonlySet<number>,
  notes: PortSettingNote[],
): void {
  const gone = reserved.intersection(written).difference(current);
  if (gone.size === 0) return;
  notes.push({
    severity: 'warning',
    code: 'RESERVED_PORTS_REMOVED',
    message: `another program removed ${count(gone.size)} of the profile from ${RESERVED_PORTS}`,
    hint: 'Setting it replaces the whole list: check /etc/sysctl.conf and /etc/sysctl.d.',
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
    if (wanted) notes.push(missing(PORT_RANGE, 'EPHEMERALPORTS has no effect'));
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
      message: `another program set ${PORT_RANGE} to ${rangeText(rangeIn(current))}, contrary to EPHEMERALPORTS`,
      hint: 'Check /etc/sysctl.conf and /etc/sysctl.d.',
      source: undefined,
    });
  }
  return { name: PORT_RANGE, current, value, found };
}

/** The range that satisfies TCPCONFIG and UDPCONFIG as far as Linux can; undefined if there is none. */
function ephemeralRange({ tcp, udp }: Profile, start: number, notes: PortSettingNote[]): Range | undefined {
  const [one, other] = [tcp.ephemeralPorts, udp.ephemeralPorts].filter((each) => each !== undefined);
  if (!one) return undefined;
  if (!other) notes.push(sharedRange(one, one === tcp.ephemeralPorts ? 'UDP' : 'TCP'));
  const both = {
    first: Math.max(one.first, other?.first ?? 0),
    last: Math.min(one.last, other?.last ?? PORT_MAX),
  };
  const isSame = !other || (one.first === other.first && one.last === other.last);
  if (!isSame) notes.push(differentRanges(one, other, both));
  if (both.first > both.last) return undefined;
  const range = { first: Math.max(both.first, start), last: both.last };
  if (both.first < start) notes.push(lowRange(one, range, start));
  return range.first <= range.last ? range : undefined;
}

function sharedRange({ source }: RangeSetting, other: string): PortSettingNote {
  const message = `Linux has one ephemeral range: EPHEMERALPORTS also applies to ${other}`;
  return { severity: 'note', code: 'EPHEMERAL_PORTS_SHARED', message, hint: '', source };
}

function differentRanges(tcp: RangeSetting, udp: RangeSetting, both: Range): PortSettingNote {
  const used = both.first <= both.last ? `${rangeText(both)}, which is in both, is used` : 'neither is used';
  return {
    severity: 'warning',
    code: 'EPHEMERAL_PORTS_DIFFER',
    message:
      `EPHEMERALPORTS is ${rangeText(tcp)} for TCP and ${rangeText(udp)} for UDP, ` +
      `but Linux has one ephemeral range: ${used}`,
    hint: 'Use the same EPHEMERALPORTS in TCPCONFIG and UDPCONFIG.',
    source: udp.source,
  };
}

function lowRange({ source }: RangeSetting, range: Range, start: number): PortSettingNote {
  const used = range.first <= range.last ? `${rangeText(range)} is used` : 'it is not used';
  return {
    severity: 'warning',
    code: 'EPHEMERAL_PORTS_LOW',
    message: `EPHEMERALPORTS starts below ${UNPRIVILEGED_START}, which is ${start}, and Linux refuses that: ${used}`,
    hint: `Start EPHEMERALPORTS at ${start}, or lower ${UNPRIVILEGED_START}.`,
    source,
  };
}

/** Linux itself restricts the ports below ip_unprivileged_port_start, and the guard cannot see capabilities. */
function noteLowPorts({ tcp, udp }: Profile, start: number, notes: PortSettingNote[]): void {
  const restricted = [tcp.lowPorts, udp.lowPorts].find((lowPorts) => lowPorts?.isRestricted);
  if (!restricted || start >= DEFAULT_UNPRIVILEGED_START) return;
  const ports = rangeText({ first: Math.max(start, 1), last: DEFAULT_UNPRIVILEGED_START - 1 });
  notes.push({
    severity: 'warning',
    code: 'LOW_PORTS_OPEN',
    message:
      `${UNPRIVILEGED_START} is ${start}: Linux permits every user to bind the ports ${ports}. Only the guard ` +
      'restricts them (RESTRICTLOWPORTS), to root, regardless of capabilities',
    hint: `To make Linux restrict them as well: sysctl -w ${UNPRIVILEGED_START}=${DEFAULT_UNPRIVILEGED_START}`,
    source: restricted.source,
  });
}

function noteFewPorts(
  ephemeralPorts: number | undefined,
  range: string | undefined,
  notes: PortSettingNote[],
): void {
  if (ephemeralPorts === undefined || range === undefined || ephemeralPorts >= CLIENT_PORTS_FEW) return;
  const whole = rangeIn(range);
  const size = whole.last - whole.first + 1;
  const left = ephemeralPorts === 0 ? 'no port' : `only ${count(ephemeralPorts)}`;
  notes.push({
    severity: 'warning',
    code: 'CLIENT_PORTS_FEW',
    message:
      `${left} of the ephemeral range ${rangeText(whole)} can be assigned: ` +
      `${size - ephemeralPorts} of its ${size} ports are reserved`,
    hint: 'Without a free port, clients cannot connect. Reserve fewer ports there, or widen EPHEMERALPORTS.',
    source: undefined,
  });
}

function countEphemeral(reserved: string, range: string): number {
  const { first, last } = rangeIn(range);
  const inRange = [...parsePortList(reserved)].filter((port) => port >= first && port <= last);
  return last - first + 1 - inRange.length;
}

function missing(name: string, consequence: string): PortSettingNote {
  const message = `this kernel has no ${name}: ${consequence}`;
  const hint = 'A container may hide it: run the guard on the host.';
  return { severity: 'warning', code: 'SYSCTL_MISSING', message, hint, source: undefined };
}

/** The reserved ports of a profile that the kernel may assign, given the present setting; all where it has none. */
export function assignablePorts(profile: Profile, reservedSetting: string | undefined): Set<number> {
  const reserved = reservedPorts(profile);
  return reservedSetting === undefined ? reserved : reserved.difference(portsIn(reservedSetting));
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
  throw unknown(PORT_RANGE, `"${text.slice(0, 40)}" is not a port range`);
}

function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = parseDecimal(text, PORT_MAX + 1);
  if (value !== undefined) return value;
  throw unknown(name, `"${text.slice(0, 40)}" is not a port number`);
}

/** The format of Linux. */
const formatRange = ({ first, last }: Range): string => `${first}\t${last}`;

const rangeText = ({ first, last }: Range): string => (first === last ? `${first}` : `${first}-${last}`);

const count = (ports: number): string => (ports === 1 ? '1 port' : `${ports} ports`);

function unknown(name: string, why: string): PortreeveError {
  const hint = 'Nothing was changed.';
  return new PortreeveError('SYSCTL_UNKNOWN', `${name} has an unknown format: ${why}`, hint, {
    name,
  });
}
