// Looks for the sockets that somebody asks for.

import type { OpenSocket, SocketState } from '../../base/open-socket.ts';
import { type AskedPorts, isInRange } from '../../base/port.ts';
import type { Seen } from '../core/seen.ts';
import type { PortsAsked } from './ports-asked.ts';
import { type SeeDeps, seeSockets } from './see.ts';

/** TCP that listens, UDP that is bound and not connected; TCP that is bound and does not listen. */
const LISTENING: readonly SocketState[] = ['LISTEN', 'UNCONNECTED'];
const STATES: Readonly<Record<PortsAsked['which'], readonly SocketState[] | undefined>> = {
  listening: LISTENING,
  holding: [...LISTENING, 'BOUND'],
  all: undefined,
};

/** Looks for them. Throws what OpenSockets.list() throws. */
export function seePorts(deps: SeeDeps, { which, ports }: PortsAsked): Seen {
  const [only, ...others] = ports;
  const port = only && others.length === 0 && only.first === only.last ? only.first : undefined;
  const protocols = new Set(ports.map(({ protocol }) => protocol));
  const [protocol] = protocols.size === 1 ? protocols : [];
  return seeSockets(deps, { states: STATES[which], port, protocol }, (socket) => isAsked(socket, ports));
}

function isAsked({ protocol, local }: OpenSocket, ports: readonly AskedPorts[]): boolean {
  return ports.length === 0 || ports.some((range) => isInRange(local.port, protocol, range));
}
