// What an explanation of a port says, part by part: each gives lines without their label.
import { type Explanation, endText, holderText } from '../app/doctor/explain.ts';
import { formatIp, hostPortText } from '../base/address.ts';
import { ruleText } from './profile-changes.ts';
import { localTime } from './text.ts';
import { versionsText } from './versions.ts';

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
  ['unseen', ({ untold }) => untold],
];

/** Sockets that are listed; of more only the number is told. */
const HOLDERS_SHOWN = 10;
const REFUSALS_SHOWN = 5;

function heldBy({ holders }: Explanation): string[] {
  if (holders.length === 0) return ['nobody'];
  const lines = holders.slice(0, HOLDERS_SHOWN).map((holder) => {
    const { socket, user, forwardsTo } = holder;
    const end = socket.remote ? ` to ${endText(socket.remote)}` : '';
    const who = holderText(holder) ?? 'nobody any more';
    const as = holder.owners.length > 0 && user !== undefined && !forwardsTo ? `, user ${user}` : '';
    const left = socket.expiresMs === undefined ? '' : `, ${Math.ceil(socket.expiresMs / 1000)} s left`;
    const only = socket.v6Only ? ' (IPv6 only)' : '';
    return `${socket.state} ${endText(socket.local)}${end}${only}: ${who}${as}${left}`;
  });
  const more = holders.length - HOLDERS_SHOWN;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
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
  if (plain.answer === 'unsure') return `free if the socket there has ${hidden(plain)} set`;
  const helps = [
    ['SO_REUSEADDR', reuseAddress],
    ['SO_REUSEPORT', reusePort],
  ] as const;
  const said = helps.flatMap(([option, { answer, conflicts }]) => {
    if (answer === 'taken') return [];
    const needed = hidden({ conflicts });
    return [
      `free with ${option} if the socket there has ${needed === option ? 'it set, too' : `${needed} set`}`,
    ];
  });
  return ['taken', ...said].join('; ');
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
    granted: 'may have it',
    refused: `may not have it: the guard refuses it${rule}`,
    privileged: `may not have it: ports below ${unprivilegedStart} take CAP_NET_BIND_SERVICE`,
  };
  return `${who}: ${said[permission]}`;
}

function clients({ handout, protocol }: Explanation): string[] {
  const range = `${handout.range.first} to ${handout.range.last}`;
  if (handout.kind === 'outside') return [`are given ${range}, so never this port`];
  if (handout.kind === 'reserved') {
    return [`are given ${range}, but not this port: it is in net.ipv4.ip_local_reserved_ports`];
  }
  const order = {
    connect: 'connect(2) takes it in its first half, bind(2) to port 0 when the other half is used up',
    bind: 'bind(2) to port 0 takes it in its first half, connect(2) when the other half is used up',
  };
  const first = handout.firstTo ? `; ${order[handout.firstTo]}` : '';
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

function names({ names: { iana, services }, port }: Explanation): string[] {
  const assigned = iana.entries.filter(({ status }) => status === 'assigned');
  const said = assigned.map(({ name, description }) =>
    description === '' ? name : `${name} (${description})`,
  );
  const byIana = assigned.length > 0 ? `${said.join('; ')}: assigned by IANA` : IANA_TEXTS[iana.status];
  const local = services.map(({ name, aliases, line }) => {
    const others = aliases.length === 0 ? '' : `, ${aliases.join(', ')}`;
    return `${name}${others}: in /etc/services, line ${line}, which reserves nothing`;
  });
  return [`${byIana}; ${port} is one of the ${RANGE_TEXTS[iana.range]}`, ...local];
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
    ({ title, first, last, setting }) => `${title}: ${first} to ${last}, unless ${setting} says otherwise`,
  );
}

/** What is no system, but what systems are asked to do. */
const NO_SYSTEM = 'iana';

function systems({ stacks: { handingOut, safe }, protocol }: Explanation): string[] {
  const giving = (group: string) => {
    const stacks = handingOut.filter((stack) => stack.group === group && stack.id !== NO_SYSTEM);
    const said = stacks.map(
      ({ title, ephemeral: { [protocol]: range } }) => `${title} (${rangeText(range)})`,
    );
    return said.length === 0 ? [] : [`given to clients by ${said.join('; ')}`];
  };
  const titles = safe.filter(({ id }) => id !== NO_SYSTEM).map(({ title }) => title);
  return [
    titles.length > 0 ? `safe from clients on ${titles.join('; ')}` : 'safe from clients on none of today',
    ...giving('today'),
    ...giving('rare').map((line) => `${line}, which are met rarely`),
    ...giving('past').map((line) => `${line}, which are of the past`),
  ];
}

const rangeText = ({ first, last }: { readonly first: number; readonly last: number }) =>
  `${first} to ${last}`;
