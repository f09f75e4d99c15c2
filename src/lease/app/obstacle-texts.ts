// Text for the reasons why a port is not suggested.
import { formatIp } from '../../base/address.ts';
import type { SocketOwner } from '../../base/open-socket.ts';
import type { Protocol } from '../../base/port.ts';
import { isSystem } from '../../names/core/stacks.ts';
import type { Obstacle } from '../core/obstacles.ts';

type Owners = ReadonlyMap<number, readonly SocketOwner[]>;

/** A phrase for each, those of this host first. A reason that applies to both protocols appears once. */
export function obstacleTexts(obstacles: readonly Obstacle[], owners: Owners = new Map()): string[] {
  const texts = new Map<string, Protocol[]>();
  const add = (text: string, protocol?: Protocol) => {
    const protocols = texts.get(text) ?? [];
    texts.set(text, protocol ? [...protocols, protocol] : protocols);
  };
  for (const obstacle of obstacles.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))) {
    if (obstacle.kind === 'system' || isRedundant(obstacle, obstacles)) continue;
    add(textOf(obstacle, owners), 'protocol' in obstacle ? obstacle.protocol : undefined);
  }
  const phrases = [...texts].map(([text, protocols]) =>
    protocols.length === 1 ? `${text} (${protocols[0]})` : text,
  );
  const stacks = obstacles.flatMap((each) => (each.kind === 'system' ? [each.stack] : []));
  const systems = stacks.filter(isSystem).map(({ id }) => id);
  if (systems.length < stacks.length) phrases.push('in the dynamic range of IANA');
  return systems.length === 0 ? phrases : [...phrases, `in the ephemeral range of ${systems.join(', ')}`];
}

/** Most names in /etc/services come from IANA. */
function isRedundant(obstacle: Obstacle, obstacles: readonly Obstacle[]): boolean {
  if (obstacle.kind !== 'service') return false;
  return obstacles.some((each) => each.kind === 'iana' && each.name === obstacle.name);
}

const ORDER: readonly Obstacle['kind'][] = [
  'in-use',
  'profile',
  'reserved',
  'host',
  'iana',
  'service',
  'default-range',
  'browser',
  'low',
  'system',
];

function textOf(obstacle: Exclude<Obstacle, { kind: 'system' }>, owners: Owners): string {
  switch (obstacle.kind) {
    case 'in-use':
      return inUseText(obstacle, owners);
    case 'profile':
      return reservedText(obstacle);
    case 'reserved':
      return 'in net.ipv4.ip_local_reserved_ports';
    case 'host':
      return 'in the ephemeral range of this host';
    case 'iana':
      return obstacle.status === 'assigned' ? `assigned by IANA: ${obstacle.name}` : 'reserved by IANA';
    case 'service':
      return `named ${obstacle.name} at /etc/services:${obstacle.line}`;
    case 'default-range':
      return `one of ${obstacle.range.title}`;
    case 'browser':
      return `blocked by browsers: ${obstacle.name}`;
    case 'low':
      return 'below 1024: binding it needs privilege';
  }
}

function inUseText({ socket }: Extract<Obstacle, { kind: 'in-use' }>, owners: Owners): string {
  const [owner] = owners.get(socket.inode) ?? [];
  const by = owner ? ` by ${owner.name} (pid ${owner.pid})` : '';
  return `in use${by}: ${socket.protocol} ${socket.state} on ${formatIp(socket.local.address)}`;
}

function reservedText({ reservation }: Extract<Obstacle, { kind: 'profile' }>): string {
  const { use, source, protocol } = reservation;
  const job = use.kind === 'JOB' ? ` for ${use.pattern}` : '';
  return `reserved${job} by ${source.file}:${source.line} (${protocol})`;
}
