// Connections of the demonstration: a server on loopback, and clients whose ports the kernel chooses.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A server that takes every connection and says nothing. */
export async function startServer(port: number, host: string): Promise<Server> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume());
  server.listen({ port, host });
  await once(server, 'listening');
  return server;
}

/** Tries to listen, and gives the code of the error, or undefined; what listens is closed again. */
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

/** Connects; the port that the kernel chose is the socket's localPort. */
export async function connectTo(port: number, host: string): Promise<Socket> {
  const socket = connect({ port, host });
  await once(socket, 'connect');
  // Its server may end first.
  return socket.on('error', () => {}).resume();
}

/** Takes a connection away at once: after a reset nothing of it is left, not even in TIME_WAIT. */
export async function reset(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.resetAndDestroy();
  await closed;
}

/** A connection on the wanted port, and how many it took until the kernel gave it to one. */
export interface Hit {
  readonly socket: Socket;
  readonly connections: number;
}

/**
 * Connects again and again until the kernel gives a client the wanted port. All connections stay until then, so that
 * each gets another port; then all but that one go. Undefined if the port was not given while there were others.
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
