// The rows of the explanation of a port: each function returns the lines of one row, without its label.

import { formatIp, hostPortText } from '../../base/address.ts';
import type { PortRange } from '../../base/port.ts';
import { localTime } from '../../kit/text.ts';
import type { Stack } from '../../names/core/stack.ts';
import { versionsText } from '../../portmap/commands/versions.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { endText, holderText, isUnaccepted } from '../core/explain/holder-text.ts';

type PartOf = (explanation: Explanation) => readonly string[];
type Attempt = Explanation['attempts'][number];
type BinderPermission = Explanation['you'];

export const EXPLAINED_PARTS: readonly (readonly [label: string, lines: PartOf])[] = [
  ['held by', heldBy],
  ['server', servers],
  ['you', ({ you, kernel }) => [permission(you, kernel)]],
  ['root', ({ you, root, kernel }) => (you.uid === root.uid ? [] : [permission(root, kernel)])],
  ['ephemeral', ephemeral],
  ['profile', profile],
  ['refused', refused],
  ['name', names],
  ['RPC', registered],
  ['defaults', defaults],
  ['systems', systems],
  ['browsers', ({ badPort }) => (badPort ? [`block the port: it is the port of ${badPort}`] : [])],
  ['unknown', ({ unknown }) => unknown],
];

/** Further sockets are only counted, by state. */
const HOLDERS_SHOWN = 5;
const REFUSALS_SHOWN = 5;

type Holder = Explanation['holders'][number];

const portsText = ({ first, last }: PortRange): string => `${first}-${last}`;

/** Servers are listed before their connections. */
function heldBy({ holders }: Explanation): string[] {
  if (holders.length === 0) return ['no socket'];
  const isServer = ({ socket }: Holder) => socket.remote === undefined;
  const sorted = [...holders.filter(isServer), ...holders.filter((holder) => !isServer(holder))];
  const lines = sorted.slice(0, HOLDERS_SHOWN).map(holderLine);
  const states = Map.groupBy(sorted.slice(HOLDERS_SHOWN), ({ socket }) => socket.state);
  const more = [...states].map(([state, { length }]) => `${length} more ${state}`);
  return more.length === 0 ? lines : [...lines, `and ${more.join(', ')}`];
}

function holderLine(holder: Holder): string {
  const { socket, user, forwardsTo } = holder;
  const end = socket.remote ? ` to ${endText(socket.remote)}` : '';
  const noProcess = isUnaccepted(socket) ? 'not accepted yet' : 'no process';
  const who = socket.inode === 0 ? noProcess : (holderText(holder) ?? 'owner unknown');
  const as = holder.owners.length > 0 && user !== undefined && !forwardsTo ? `, user ${user}` : '';
  const left = socket.expiresMs === undefined ? '' : `, ${Math.ceil(socket.expiresMs / 1000)} s left`;
  const only = socket.v6Only ? ' (IPv6 only)' : '';
  return `${socket.state} ${endText(socket.local)}${end}${only}: ${who}${as}${left}`;
}

/** Addresses with the same outcome share a line. */
function servers({ attempts }: Explanation): string[] {
  const lines = new Map<string, string[]>();
  for (const attempt of attempts) {
    const text = attemptText(attempt);
    lines.set(text, [...(lines.get(text) ?? []), attempt.place.text]);
  }
  if (lines.size === 1) return [...lines.keys()].map((text) => `on every address: ${text}`);
  return [...lines].map(([text, places]) => `on ${places.join(', ')}: ${text}`);
}

/** The outcome of bind(2), and the options that would change it. */
function attemptText({ plain, reuseAddress, reusePort }: Attempt): string {
  if (plain.answer === 'free') return 'free';
  if (plain.answer === 'unknown') return `free if the existing socket set ${hidden(plain)}`;
  const helping = [
    { option: 'SO_REUSEADDR', outcome: reuseAddress },
    { option: 'SO_REUSEPORT', outcome: reusePort },
  ].flatMap(({ option, outcome }) =>
    outcome.answer === 'in-use' ? [] : [{ option, needed: hidden(outcome) }],
  );
  const both = helping.filter(({ option, needed }) => option === needed).map(({ option }) => option);
  const others = helping.filter(({ option, needed }) => option !== needed);
  return [
    both.length === 0 ? 'in use' : `in use, unless both sockets set ${both.join(' or ')}`,
    ...others.map(({ option, needed }) => `free with ${option} if the existing socket set ${needed}`),
  ].join('; ');
}

function hidden({ conflicts }: Pick<Attempt['plain'], 'conflicts'>): string {
  return [...new Set(conflicts.flatMap(({ unless }) => unless))].join(' or ');
}

function permission(
  { uid, user, job, permission: given, verdict }: BinderPermission,
  { unprivilegedStart }: Explanation['kernel'],
): string {
  const who = `${user === undefined ? `uid ${uid}` : `user ${user}`}, job ${job}`;
  const rule = verdict?.rule ? ` (${ruleText(verdict.rule)})` : '';
  const texts = {
    granted: 'may bind it',
    refused: `permission denied by the guard${rule}`,
    unprivileged: `permission denied: ports below ${unprivilegedStart} require CAP_NET_BIND_SERVICE`,
  };
  return `${who}: ${texts[given]}`;
}

function ephemeral({ allocation }: Explanation): string[] {
  const range = `range ${portsText(allocation.range)}`;
  if (allocation.kind === 'outside') return [`${range}; never this port`];
  if (allocation.kind === 'reserved') {
    return [`${range}; never this port, which is in net.ipv4.ip_local_reserved_ports`];
  }
  const order = {
    connect: '; connect(2) tries it in its first pass, bind(2) to port 0 in its second',
    bind: '; bind(2) to port 0 tries it in its first pass, connect(2) in its second',
  };
  const first = allocation.preferredBy ? order[allocation.preferredBy] : '';
  return [`${range}; the kernel can assign this port at any moment${first}`];
}

function profile({ reservations, revision, guard }: Explanation): string[] {
  if (!reservations) return [];
  if (revision === undefined) return ['no profile is in force'];
  const rules = reservations.map(({ source }) => `${source.text} (${ruleText(source)})`);
  const state =
    guard === undefined ? 'could not determine whether the guard enforces the profile' : GUARD_TEXTS[guard];
  if (rules.length === 0) return [`not reserved; ${state}`];
  return [...rules, state];
}

const GUARD_TEXTS = {
  enforce: 'the guard enforces the profile',
  observe: 'the guard only observes',
  off: 'the guard is off',
  elsewhere: 'the guard enforces the profile only in other network namespaces or in a cgroup',
} as const;

function refused({ refusals = [] }: Explanation): string[] {
  const lines = refusals
    .slice(0, REFUSALS_SHOWN)
    .map(({ count, latestMs, verdict, job, user, command, rule }) => {
      const times = count === 1 ? 'once' : `${count} times`;
      const who = [`job ${job ?? 'unknown'}`, ...(user === undefined ? [] : [`user ${user}`]), command ?? ''];
      const observed = verdict === 'refused' ? '' : ' (only observed)';
      const by = rule ? ` (${ruleText(rule)})` : '';
      const last = localTime(new Date(latestMs));
      return `${who.filter((word) => word !== '').join(', ')}: ${times}${observed}, last ${last}${by}`;
    });
  const more = refusals.length - REFUSALS_SHOWN;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

function names({ names: { iana, services } }: Explanation): string[] {
  const assigned = iana.entries.filter(({ status }) => status === 'assigned');
  const texts = assigned.map(({ name, description }) =>
    description === '' ? name : `${name} (${description})`,
  );
  const byIana = assigned.length > 0 ? `${texts.join('; ')}: assigned by IANA` : IANA_TEXTS[iana.status];
  const local = services.map(({ name, aliases, line }) => {
    const others = aliases.length === 0 ? '' : `, ${aliases.join(', ')}`;
    return `${name}${others}: /etc/services:${line}, which reserves nothing`;
  });
  return [`${byIana}; ${RANGE_TEXTS[iana.range]}`, ...local];
}

const IANA_TEXTS = {
  assigned: 'assigned by IANA',
  reserved: 'reserved by IANA',
  unassigned: 'not assigned by IANA',
  dynamic: 'never assigned by IANA',
} as const;

/** RFC 6335 section 6. */
const RANGE_TEXTS = {
  system: 'a system port (0-1023)',
  user: 'a user port (1024-49151)',
  dynamic: 'a dynamic port (49152-65535)',
} as const;

function registered({ names: { registered: registrations = [] } }: Explanation): string[] {
  return registrations.map(({ program, name, versions, address, port, owner }) => {
    const what = name === undefined ? `program ${program}` : `${name} (${program})`;
    const by = owner === undefined ? '' : `, registered by ${owner}`;
    return `${what} version ${versionsText(versions)} at ${hostPortText(formatIp(address), port)}${by}`;
  });
}

function defaults({ defaultRanges }: Explanation): string[] {
  return defaultRanges.map((range) => `${range.title}: ${portsText(range)} by default (${range.setting})`);
}

/** `portreeve stacks` lists the ranges of these systems. */
function systems({ systems: { inside, outside } }: Explanation): string[] {
  const named = (stacks: readonly Stack[]) => stacks.map(({ id }) => id);
  const groups = GROUPS.flatMap(([group, suffix]) => {
    const ids = named(inside.filter((stack) => stack.group === group));
    return ids.length === 0 ? [] : [`${ids.join(', ')}${suffix}`];
  });
  const others = named(outside);
  return [
    `outside the ephemeral range of ${others.length > 0 ? others.join(', ') : 'no current system'}`,
    ...(groups.length > 0 ? [`inside that of ${groups.join('; ')}`] : []),
  ];
}

const GROUPS = [
  ['today', ''],
  ['rare', ' (rare)'],
  ['past', ' (past)'],
] as const;
