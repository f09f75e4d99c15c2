// TCP helpers of the demonstration: a server on the loopback, and clients with ephemeral ports.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A server that accepts every connection and sends nothing. */
export async function startServer(port: number, host: string): Promise<Server> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume());
  server.listen({ port, host });
  await once(server, 'listening');
  return server;
}

/** Tries to listen, then closes the socket. Returns the code of the error, or undefined. */
export async function tryToListen(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  server.listen({ port, host });
  try {
    await once(server, 'listening');
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? `${thrown.code}` : String(thrown);
  } finally {
    server.close();
  }
}

/** Connects from an ephemeral port, which is the localPort of the socket. */
export async function connectTo(port: number, host: string): Promise<Socket> {
  const socket = connect({ port, host });
  await once(socket, 'connect');
  // The server may close first.
  return socket.on('error', () => {}).resume();
}

/** Resets a connection, which leaves no socket in TIME_WAIT. */
export async function reset(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.resetAndDestroy();
  await closed;
}

/** A connection that was assigned the wanted port. */
export interface Hit {
  readonly socket: Socket;
  /** The number of connections that were opened until then. */
  readonly connections: number;
}

/**
 * Connects repeatedly until a connection is assigned the wanted port. The others stay open until then, so that each
 * connection is assigned a different port. Undefined if no connection was assigned it.
 */
export async function connectUntil(
  wanted: number,
  port: number,
  host: string,
  max: number,
): Promise<Hit | undefined> {
  const others: Socket[] = [];
  try {
    for (let connections = 1; connections <= max; connections++) {
      const socket = await connectTo(port, host);
      if (socket.localPort === wanted) return { socket, connections };
      others.push(socket);
    }
    return undefined;
  } finally {
    await Promise.all(others.map(reset));
  }
}
