// RPC calls over UDP, retransmitted with exponential backoff until an answer arrives.
import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { RETRANSMIT_MS } from '../../base/client-limits.ts';
import { errnoOf } from '../../base/errors.ts';
import { socketError } from './errors.ts';
import { type CallOptions, closedError, Outstanding } from './outstanding.ts';
import { type IpTarget, targetText } from './target.ts';
import type { Transport } from './transport.ts';

/**
 * One connected socket for all calls of a client. The kernel then drops datagrams from other senders, and reports
 * ECONNREFUSED when no socket is bound at the server.
 */
export class DatagramTransport implements Transport {
  readonly #target: IpTarget;
  readonly #where: string;
  readonly #outstanding: Outstanding;
  #socket: Promise<Socket> | undefined;
  #isClosed = false;

  constructor(target: IpTarget) {
    this.#target = target;
    this.#where = targetText(target);
    this.#outstanding = new Outstanding(this.#where);
  }

  has(xid: number): boolean {
    return this.#outstanding.has(xid);
  }

  async call(xid: number, message: Uint8Array, timeout: CallOptions): Promise<Uint8Array> {
    if (this.#isClosed) throw closedError(this.#where);
    const answer = this.#outstanding.wait(xid, timeout);
    let timer: NodeJS.Timeout | undefined;
    const transmit = (socket: Socket, intervalMs: number) => {
      if (!this.#outstanding.has(xid)) return;
      socket.send(message, (error) => error && this.#outstanding.fail(xid, socketError(error, this.#where)));
      timer = setTimeout(transmit, intervalMs, socket, intervalMs * 2);
    };
    this.#connected().then(
      (socket) => transmit(socket, RETRANSMIT_MS),
      (thrown) => this.#outstanding.fail(xid, socketError(thrown, this.#where)),
    );
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#outstanding.failAll(closedError(this.#where));
    const socket = await this.#socket?.catch(() => undefined);
    this.#socket = undefined;
    if (socket) await new Promise<void>((resolve) => socket.close(resolve));
  }

  /** The socket, created for the first call, and again after a failed attempt. */
  #connected(): Promise<Socket> {
    this.#socket ??= this.#connect().catch((thrown: unknown) => {
      this.#socket = undefined;
      throw thrown;
    });
    return this.#socket;
  }

  /** A name may have addresses of one family only. IPv4 first: every port mapper serves it. */
  async #connect(): Promise<Socket> {
    const { host, port } = this.#target;
    const connect = (type: 'udp4' | 'udp6') => connectedSocket(type, host, port);
    const socket = await (isIP(host) === 6
      ? connect('udp6')
      : connect('udp4').catch((thrown: unknown) => {
          if (isIP(host) === 0 && errnoOf(thrown) === 'ENOTFOUND') return connect('udp6');
          throw thrown;
        }));
    socket.on('message', (message) => this.#outstanding.settle(message));
    socket.on('error', (error) => this.#outstanding.failAll(socketError(error, this.#where)));
    return socket;
  }
}

function connectedSocket(type: 'udp4' | 'udp6', host: string, port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = createSocket(type);
  const onError = (error: Error) => {
    socket.close();
    reject(error);
  };
  socket.once('error', onError);
  socket.once('connect', () => {
    socket.off('error', onError);
    resolve(socket);
  });
  socket.connect(port, host);
  return promise;
}
