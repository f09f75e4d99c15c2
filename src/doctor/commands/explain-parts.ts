// What an explanation of a port says, part by part: each gives lines without their label.

import { formatIp, hostPortText } from '../../base/address.ts';
import { localTime } from '../../kit/text.ts';
import type { Stack } from '../../names/core/stack.ts';
import { isSystem } from '../../names/core/stacks.ts';
import { versionsText } from '../../portmap/commands/versions.ts';
import { ruleText } from '../../profile/commands/changes.ts';
import type { Explanation } from '../core/explain/explain.ts';
import { endText, holderText, isToBeAccepted } from '../core/explain/holder-text.ts';

type PartOf = (explanation: Explanation) => readonly string[];
type Attempt = Explanation['attempts'][number];
type Standing = Explanation['you'];

/** The parts in their order, each with its label. */
export const EXPLAINED_PARTS: readonly (readonly [label: string, lines: PartOf])[] = [
  ['held by', heldBy],
  ['server', servers],
  ['you', ({ you, kernel }) => [standing(you, kernel)]],
  ['root', ({ you, root, kernel }) => (you.uid === root.uid ? [] : [standing(root, kernel)])],
  ['clients', clients],
  ['profile', profile],
  ['refused', refused],
  ['name', names],
  ['RPC', registered],
  ['pools', pools],
  ['systems', systems],
  [
    'browsers',
    ({ badPort }) => (badPort ? [`refuse to fetch from it, because ${badPort} speaks there`] : []),
  ],
  ['unseen', ({ unknown }) => unknown],
];

/** Sockets that are listed; of more it is told how many there are in each state. */
const HOLDERS_SHOWN = 5;
const REFUSALS_SHOWN = 5;

type Holder = Explanation['holders'][number];

/** Servers come before their connections. */
function heldBy({ holders }: Explanation): string[] {
  if (holders.length === 0) return ['nobody'];
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
  const nobody = isToBeAccepted(socket) ? 'nobody has accepted it yet' : 'nobody any more';
  const who = socket.inode === 0 ? nobody : (holderText(holder) ?? 'nobody that can be seen');
  const as = holder.owners.length > 0 && user !== undefined && !forwardsTo ? `, user ${user}` : '';
  const left = socket.expiresMs === undefined ? '' : `, ${Math.ceil(socket.expiresMs / 1000)} s left`;
  const only = socket.v6Only ? ' (IPv6 only)' : '';
  return `${socket.state} ${endText(socket.local)}${end}${only}: ${who}${as}${left}`;
}

/** Places of which the same can be said share a line. */
function servers({ attempts }: Explanation): string[] {
  const lines = new Map<string, string[]>();
  for (const attempt of attempts) {
    const text = attemptText(attempt);
    lines.set(text, [...(lines.get(text) ?? []), attempt.place.text]);
  }
  if (lines.size === 1) return [...lines.keys()].map((text) => `on every address: ${text}`);
  return [...lines].map(([text, places]) => `on ${places.join(', ')}: ${text}`);
}

/** What bind(2) would say, and which option would change it. */
function attemptText({ plain, reuseAddress, reusePort }: Attempt): string {
  if (plain.answer === 'free') return 'free';
  if (plain.answer === 'unsure') return `free if what is there has ${hidden(plain)} set`;
  const helping = [
    { option: 'SO_REUSEADDR', outcome: reuseAddress },
    { option: 'SO_REUSEPORT', outcome: reusePort },
  ].flatMap(({ option, outcome }) =>
    outcome.answer === 'taken' ? [] : [{ option, needed: hidden(outcome) }],
  );
  const both = helping.filter(({ option, needed }) => option === needed).map(({ option }) => option);
  const others = helping.filter(({ option, needed }) => option !== needed);
  return [
    both.length === 0 ? 'taken' : `taken, unless both sides have ${both.join(' or ')} set`,
    ...others.map(({ option, needed }) => `free with ${option} if what is there has ${needed} set`),
  ].join('; ');
}

function hidden({ conflicts }: Pick<Attempt['plain'], 'conflicts'>): string {
  return [...new Set(conflicts.flatMap(({ unless }) => unless))].join(' or ');
}

function standing(
  { uid, user, job, permission, verdict }: Standing,
  { unprivilegedStart }: Explanation['kernel'],
): string {
  const who = `${user === undefined ? `uid ${uid}` : `user ${user}`}, job ${job}`;
  const rule = verdict?.rule ? ` (${ruleText(verdict.rule)})` : '';
  const said = {
    granted: 'may bind it',
    refused: `may not bind it: the guard refuses it${rule}`,
    privileged: `may not bind it: ports below ${unprivilegedStart} take CAP_NET_BIND_SERVICE`,
  };
  return `${who}: ${said[permission]}`;
}

function clients({ allocation, protocol }: Explanation): string[] {
  const range = `${allocation.range.first} to ${allocation.range.last}`;
  if (allocation.kind === 'outside') return [`are given ${range} by the kernel, never this port`];
  if (allocation.kind === 'reserved') {
    return [`are given ${range}, but not this port: it is in net.ipv4.ip_local_reserved_ports`];
  }
  const order = {
    connect: 'connect(2) takes it in its first half, bind(2) to port 0 when the other half is used up',
    bind: 'bind(2) to port 0 takes it in its first half, connect(2) when the other half is used up',
  };
  const first = allocation.firstTo ? `; ${order[allocation.firstTo]}` : '';
  return [
    `can be given it at any moment: their ports are ${range}${protocol === 'udp' ? ', in no order' : first}`,
  ];
}

function profile({ reservations, revision, guard }: Explanation): string[] {
  if (!reservations) return [];
  if (revision === undefined) return ['none was applied'];
  const rules = reservations.map(({ source }) => `${source.text} (${ruleText(source)})`);
  const does =
    guard === undefined ? 'it could not be told whether the guard enforces it' : GUARD_TEXTS[guard];
  if (rules.length === 0) return [`reserves it for nobody; ${does}`];
  return [...rules, does];
}

const GUARD_TEXTS = {
  enforce: 'the guard enforces the profile',
  observe: 'the guard only observes',
  off: 'no guard enforces a profile',
  elsewhere: 'the guard enforces the profile elsewhere: in other network namespaces, or in a cgroup',
} as const;

function refused({ refusals = [] }: Explanation): string[] {
  const lines = refusals
    .slice(0, REFUSALS_SHOWN)
    .map(({ count, latestMs, verdict, job, user, command, rule }) => {
      const times = count === 1 ? 'once' : `${count} times`;
      const who = [`job ${job ?? 'unknown'}`, ...(user === undefined ? [] : [`user ${user}`]), command ?? ''];
      const said = verdict === 'refused' ? '' : ', would have been';
      const by = rule ? ` (${ruleText(rule)})` : '';
      const last = localTime(new Date(latestMs));
      return `${who.filter((word) => word !== '').join(', ')}: ${times}${said}, last ${last}${by}`;
    });
  const more = refusals.length - REFUSALS_SHOWN;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

function names({ names: { iana, services } }: Explanation): string[] {
  const assigned = iana.entries.filter(({ status }) => status === 'assigned');
  const said = assigned.map(({ name, description }) =>
    description === '' ? name : `${name} (${description})`,
  );
  const byIana = assigned.length > 0 ? `${said.join('; ')}: assigned by IANA` : IANA_TEXTS[iana.status];
  const local = services.map(({ name, aliases, line }) => {
    const others = aliases.length === 0 ? '' : `, ${aliases.join(', ')}`;
    return `${name}${others}: in /etc/services, line ${line}, which reserves nothing`;
  });
  return [`${byIana}; in the range of ${RANGE_TEXTS[iana.range]}`, ...local];
}

const IANA_TEXTS = {
  assigned: 'assigned by IANA',
  reserved: 'assigned to nobody: IANA keeps it back',
  unassigned: 'assigned to nobody',
  dynamic: 'assigned to nobody, and cannot be',
} as const;

const RANGE_TEXTS = {
  system: 'well-known ports (0 to 1023)',
  user: 'registered ports (1024 to 49151)',
  dynamic: 'dynamic ports (49152 to 65535)',
} as const;

function registered({ names: { registered: registrations = [] } }: Explanation): string[] {
  return registrations.map(({ program, name, versions, address, port, owner }) => {
    const what = name === undefined ? `program ${program}` : `${name} (${program})`;
    const by = owner === undefined ? '' : `, registered by ${owner}`;
    return `${what} version ${versionsText(versions)} at ${hostPortText(formatIp(address), port)}${by}`;
  });
}

function pools({ pools: inPools }: Explanation): string[] {
  return inPools.map(
    ({ title, first, last, setting }) => `${title}: by default ${first} to ${last} (set by ${setting})`,
  );
}

/** By their names: `portreeve stacks` has the ranges. */
function systems({ stacks: { ephemeralOn, safe } }: Explanation): string[] {
  const named = (stacks: readonly Stack[]) => stacks.filter(isSystem).map(({ id }) => id);
  const giving = GROUPS.flatMap(([group, words]) => {
    const ids = named(ephemeralOn.filter((stack) => stack.group === group));
    return ids.length === 0 ? [] : [`${ids.join(', ')}${words}`];
  });
  const isSafe = named(safe);
  return [
    `safe from clients on ${isSafe.length > 0 ? isSafe.join(', ') : 'none of today'}`,
    ...(giving.length > 0 ? [`given to clients by ${giving.join('; ')}`] : []),
  ];
}

const GROUPS = [
  ['today', ''],
  ['rare', ' (rarely met)'],
  ['past', ' (of the past)'],
] as const;
