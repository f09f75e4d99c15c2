// RPC calls over TCP and Unix sockets: one connection, which several outstanding calls share.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { RECORD_MARKS_MAX_BYTES, RECORD_MAX_BYTES } from '../../base/client-limits.ts';
import { messageOf } from '../../base/errors.ts';
import { encodeRecord } from '../wire/record.ts';
import { disconnectedError, RpcError, socketError } from './errors.ts';
import { type CallOptions, closedError, Outstanding } from './outstanding.ts';
import { RecordBuffer } from './record-buffer.ts';
import { type RpcTarget, targetText } from './target.ts';
import type { Transport } from './transport.ts';

/** Connects for the first call, and again for the first call after the connection was lost. */
export class StreamTransport implements Transport {
  readonly #target: RpcTarget;
  readonly #where: string;
  readonly #maxReplyBytes: number;
  readonly #outstanding: Outstanding;
  #socket: Socket | undefined;
  #isClosed = false;

  constructor(target: RpcTarget, maxReplyBytes = RECORD_MAX_BYTES) {
    this.#target = target;
    this.#where = targetText(target);
    this.#maxReplyBytes = maxReplyBytes;
    this.#outstanding = new Outstanding(this.#where);
  }

  has(xid: number): boolean {
    return this.#outstanding.has(xid);
  }

  async call(xid: number, message: Uint8Array, timeout: CallOptions): Promise<Uint8Array> {
    if (this.#isClosed) throw closedError(this.#where);
    this.#socket ??= this.#connect();
    const answer = this.#outstanding.wait(xid, timeout);
    this.#socket.write(encodeRecord(message));
    try {
      return await answer;
    } catch (thrown) {
      // The server may be stuck: with no other call outstanding, let the next call open a new connection.
      if (this.#outstanding.size === 0) this.#drop();
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const socket = this.#socket;
    this.#outstanding.failAll(closedError(this.#where));
    if (!socket || socket.closed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      this.#drop();
    });
  }

  #connect(): Socket {
    const socket = connect(connectOptions(this.#target));
    const buffer = new RecordBuffer({ maxMessage: this.#maxReplyBytes, maxMarks: RECORD_MARKS_MAX_BYTES });
    socket.on('data', (chunk) => this.#receive(socket, buffer, chunk));
    socket.on('error', (error) => this.#lost(socket, socketError(error, this.#where)));
    socket.on('close', () => {
      this.#lost(socket, disconnectedError(this.#where));
    });
    return socket;
  }

  #receive(socket: Socket, buffer: RecordBuffer, chunk: Uint8Array): void {
    try {
      buffer.append(chunk);
      for (let message = buffer.next(); message; message = buffer.next()) this.#outstanding.settle(message);
    } catch (thrown) {
      const text = `${this.#where} sent data that is not RPC: ${messageOf(thrown)}`;
      this.#lost(socket, new RpcError('BAD_REPLY', text, { cause: thrown }));
    }
  }

  /** Ignores a connection that has been replaced: the outstanding calls are on the current one. */
  #lost(socket: Socket, error: RpcError): void {
    if (socket !== this.#socket) return;
    this.#drop();
    this.#outstanding.failAll(error);
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

function connectOptions(target: RpcTarget): NetConnectOpts {
  // Node takes a path that begins with NUL as an abstract name of exactly that length.
  if (target.transport === 'local') return { path: target.path.replace(/^@/, '\0') };
  return { host: target.host, port: target.port, noDelay: true };
}
