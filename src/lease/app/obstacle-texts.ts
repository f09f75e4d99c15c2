// What speaks against a port, in words.
import { formatIp } from '../../base/address.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import { isSystem } from '../../names/core/stacks.ts';
import type { Obstacle } from '../core/obstacles.ts';

/** Who has sockets open, by inode. */
type Owners = ReadonlyMap<number, readonly SocketOwner[]>;

/** A phrase for each, those first that matter on this host; what is so for TCP and UDP alike is said once. */
export function obstacleTexts(obstacles: readonly Obstacle[], owners: Owners = new Map()): string[] {
  const texts = new Map<string, Protocol[]>();
  const add = (text: string, protocol?: Protocol) => {
    const protocols = texts.get(text) ?? [];
    texts.set(text, protocol ? [...protocols, protocol] : protocols);
  };
  for (const obstacle of obstacles.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))) {
    if (obstacle.kind === 'system' || isSaid(obstacle, obstacles)) continue;
    add(textOf(obstacle, owners), 'protocol' in obstacle ? obstacle.protocol : undefined);
  }
  const phrases = [...texts].map(([text, protocols]) =>
    protocols.length === 1 ? `${text} (${protocols[0]})` : text,
  );
  const stacks = obstacles.flatMap((each) => (each.kind === 'system' ? [each.stack] : []));
  const systems = stacks.filter(isSystem).map(({ id }) => id);
  if (systems.length < stacks.length) phrases.push('one of the dynamic ports of IANA');
  return systems.length === 0 ? phrases : [...phrases, `given to clients by ${systems.join(', ')}`];
}

/** /etc/services has most names from IANA. */
function isSaid(obstacle: Obstacle, obstacles: readonly Obstacle[]): boolean {
  if (obstacle.kind !== 'named') return false;
  return obstacles.some((each) => each.kind === 'iana' && each.name === obstacle.name);
}

const ORDER: readonly Obstacle['kind'][] = [
  'held',
  'profile',
  'kept',
  'host',
  'iana',
  'named',
  'pool',
  'browser',
  'low',
  'system',
];

function textOf(obstacle: Exclude<Obstacle, { kind: 'system' }>, owners: Owners): string {
  switch (obstacle.kind) {
    case 'held':
      return heldText(obstacle, owners);
    case 'profile':
      return reservedText(obstacle);
    case 'kept':
      return 'in net.ipv4.ip_local_reserved_ports';
    case 'host':
      return 'given to clients by this host';
    case 'iana':
      return obstacle.status === 'assigned' ? `assigned by IANA: ${obstacle.name}` : 'kept by IANA';
    case 'named':
      return `called ${obstacle.name} in /etc/services, line ${obstacle.line}`;
    case 'pool':
      return `one of ${obstacle.pool.title}`;
    case 'browser':
      return `refused by browsers: ${obstacle.name}`;
    case 'low':
      return 'below 1024: binding it takes a privilege';
  }
}

function heldText({ socket }: Extract<Obstacle, { kind: 'held' }>, owners: Owners): string {
  const [owner] = owners.get(socket.inode) ?? [];
  const who = owner ? ` by ${owner.name}, pid ${owner.pid}` : '';
  return `held${who}: ${socket.protocol} ${socket.state} on ${formatIp(socket.local.address)}`;
}

function reservedText({ reservation }: Extract<Obstacle, { kind: 'profile' }>): string {
  const { use, source, protocol } = reservation;
  const whom = use.kind === 'JOB' ? ` for ${use.pattern}` : '';
  return `reserved${whom} by ${source.file}:${source.line} (${protocol})`;
}
