// The common part of the status and control servers: HTTP on a Unix socket, with limits for each user.
import { chmodSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  CONTROL_REQUEST_MAX_BYTES,
  UNIX_CONNECTIONS_MAX,
  UNIX_CONNECTIONS_PER_USER_MAX,
  UNIX_REFUSED_CONNECTIONS_MAX,
  UNIX_REQUEST_TIMEOUT_MS,
  UNIX_STALL_MS,
  UNIX_UNREAD_PER_USER_MAX_BYTES,
} from '../base/limits.ts';
import { type PeerCredentials, peerCredentials } from '../host/linux/peer-credentials.ts';
import { removeLeftover } from './runtime-directory.ts';
import { type Refusal, type Share, Shares } from './shares.ts';

const CHECK_INTERVAL_MS = 500;
const LIMITS = { places: UNIX_CONNECTIONS_MAX, perUser: UNIX_CONNECTIONS_PER_USER_MAX };

/** The message for each reason to refuse a connection. */
const WHY: Readonly<Record<Refusal, string>> = {
  user: 'the daemon has too many connections of this user',
  party: 'the daemon has too many connections',
};
const HINT = 'Close some of them, or try again.';

/** How clients are identified and limited. */
export interface PeerDeps {
  /** The user that a connection counts for. */
  readonly shareOf: (peer: PeerCredentials) => Share;
  /** The credentials of the client. The default asks the kernel (SO_PEERCRED). */
  readonly credentials?: (socket: Socket) => PeerCredentials | undefined;
  /** How long a connection may be idle. The default is UNIX_STALL_MS. */
  readonly stallMs?: number;
}

export class UnixHttpServer {
  readonly #server: Server;
  readonly #path: string;
  readonly #mode: number;
  readonly #peers: Required<PeerDeps>;
  readonly #places = new Shares<Socket>(LIMITS);
  readonly #refused = new Set<Socket>();

  /** `mode` of the socket file decides who may connect. `answer` must not reject. */
  constructor(
    path: string,
    mode: number,
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
    peers: PeerDeps,
  ) {
    this.#path = path;
    this.#mode = mode;
    this.#peers = { credentials: peerCredentials, stallMs: UNIX_STALL_MS, ...peers };
    this.#server = createServer(
      {
        maxHeaderSize: CONTROL_REQUEST_MAX_BYTES,
        headersTimeout: UNIX_REQUEST_TIMEOUT_MS,
        requestTimeout: UNIX_REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        keepAliveTimeout: 1,
      },
      (request, response) => {
        const { socket } = request;
        void answer(request, response).then(() => this.#boundUnread(socket));
      },
    );
    // Pipelined requests would not be limited.
    this.#server.maxRequestsPerSocket = 1;
    this.#server.timeout = this.#peers.stallMs;
    this.#admitFirst();
  }

  /** Passes a connection to Node's own listeners only if it has been admitted. */
  #admitFirst(): void {
    const serving = this.#server.listeners('connection');
    this.#server.removeAllListeners('connection');
    this.#server.on('connection', (socket: Socket) => {
      const peer = this.#peers.credentials(socket);
      if (!peer) {
        socket.destroy();
        return;
      }
      const admission = this.#places.admit(this.#peers.shareOf(peer), socket);
      if ('refused' in admission) {
        this.#refuse(socket, admission.refused);
        return;
      }
      admission.victim?.destroy();
      socket.once('close', () => this.#places.leave(socket));
      for (const serve of serving) Reflect.apply(serve, this.#server, [socket]);
    });
  }

  /** Sends the reason. Keeps reading what the client sends: a reset connection would lose the response. */
  #refuse(socket: Socket, why: Refusal): void {
    const [oldest] = this.#refused;
    if (this.#refused.size >= UNIX_REFUSED_CONNECTIONS_MAX) oldest?.destroy();
    this.#refused.add(socket);
    socket.once('close', () => this.#refused.delete(socket));
    socket.on('error', () => undefined);
    socket.setTimeout(UNIX_REQUEST_TIMEOUT_MS, () => socket.destroy());
    socket.resume();
    const body = { error: WHY[why], code: 'DAEMON_BUSY', hint: HINT, kind: 'environment' };
    socket.end(`HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n${textOf(body)}`);
  }

  /** Unread responses stay in memory: a user who leaves too much unread loses the oldest connections. */
  #boundUnread(socket: Socket): void {
    const share = this.#places.shareOf(socket);
    if (!share || share.party === 'root') return;
    const waiting = this.#places.of(share).filter(({ writableLength }) => writableLength > 0);
    let unread = waiting.reduce((sum, { writableLength }) => sum + writableLength, 0);
    for (const oldest of waiting) {
      if (unread <= UNIX_UNREAD_PER_USER_MAX_BYTES) return;
      unread -= oldest.writableLength;
      oldest.destroy();
    }
  }

  open(): Promise<void> {
    removeLeftover(this.#path);
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, () => {
        chmodSync(this.#path, this.#mode);
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      for (const socket of this.#refused) socket.destroy();
    });
  }
}

/** Sends an object as a line of JSON. */
export function reply(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The remaining headers and the body. */
function textOf(body: object): string {
  const text = `${JSON.stringify(body)}\n`;
  return `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}
