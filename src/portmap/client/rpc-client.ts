// A client of one RPC server (RFC 5531) over UDP, TCP or a Unix socket.

import { bytesOf } from '../../base/bytes.ts';
import { CALL_TIMEOUT_MAX_MS, CALL_TIMEOUT_MS, RECORD_MAX_BYTES } from '../../base/client-limits.ts';
import { messageOf } from '../../base/errors.ts';
import { type AuthSys, readReply, writeCall } from '../wire/rpc.ts';
import { encodeXdr, XdrError, XdrReader, type XdrWriter } from '../wire/xdr.ts';
import { DatagramTransport } from './datagram-transport.ts';
import { RpcError, replyError } from './errors.ts';
import { abortedError } from './outstanding.ts';
import { StreamTransport } from './stream-transport.ts';
import { checkTarget, type RpcTarget, targetText } from './target.ts';
import type { Transport } from './transport.ts';

/** Defaults for the calls of a client. */
export interface RpcClientOptions {
  /** The timeout of a call, including the time to connect, in milliseconds; 5000. */
  readonly timeoutMs?: number;
  /** The caller's AUTH_SYS credential; AUTH_NONE if it is absent. */
  readonly sys?: AuthSys;
  /** The maximum size of an answer on a stream, in bytes; 16 MiB. */
  readonly maxReplyBytes?: number;
}

/** Options of a single call. */
export interface CallOptions {
  /** The timeout in milliseconds; the client's if it is absent. */
  readonly timeoutMs?: number;
  /** Aborts the call, with `ABORTED`. */
  readonly signal?: AbortSignal;
}

/** A procedure, its arguments, and the decoder of its results. */
export interface RpcCall<T> extends CallOptions {
  /** The program number. */
  readonly program: number;
  /** Its version. */
  readonly version: number;
  /** The procedure of that version. */
  readonly procedure: number;
  /** Writes the arguments; no arguments if it is absent. */
  readonly encode?: (writer: XdrWriter) => void;
  /** Reads the results; an XdrError that it throws becomes an RpcError `BAD_REPLY`. */
  readonly decode: (reader: XdrReader) => T;
}

/** A client of one server. It holds a socket from its first call until close(). */
export class RpcClient implements AsyncDisposable {
  /** The server. */
  readonly target: RpcTarget;
  readonly #where: string;
  readonly #options: RpcClientOptions;
  readonly #transport: Transport;

  /** Throws PortreeveError (usage) `PORT_INVALID` or `PATH_INVALID`. */
  constructor(target: RpcTarget, options: RpcClientOptions = {}) {
    checkTarget(target);
    this.target = target;
    this.#where = targetText(target);
    this.#options = options;
    this.#transport =
      target.transport === 'udp'
        ? new DatagramTransport(target)
        : new StreamTransport(target, options.maxReplyBytes ?? RECORD_MAX_BYTES);
  }

  /**
   * Calls a procedure; resolves with what `decode` returns for its results. Throws RpcError for a call without a
   * result, and what `encode` throws.
   */
  async call<T>(call: RpcCall<T>): Promise<T> {
    const { signal } = call;
    if (signal?.aborted) throw abortedError(this.#where, signal);
    const timeoutMs = Math.min(
      call.timeoutMs ?? this.#options.timeoutMs ?? CALL_TIMEOUT_MS,
      CALL_TIMEOUT_MAX_MS,
    );
    const xid = this.#newXid();
    const message = this.#encode(xid, call);
    return this.#decode(await this.#transport.call(xid, message, { timeoutMs, signal }), call);
  }

  /** Calls procedure 0, which every program has and which does nothing. Throws RpcError if it does not answer. */
  ping(program: number, version: number, options: CallOptions = {}): Promise<void> {
    return this.call({ ...options, program, version, procedure: 0, decode: () => undefined });
  }

  /** Rejects outstanding calls with `CLOSED`; resolves when the socket is closed. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  /** The same as close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** An unpredictable xid: over UDP it is the only protection against spoofed answers. */
  #newXid(): number {
    for (;;) {
      const [xid = 0] = crypto.getRandomValues(new Uint32Array(1));
      if (!this.#transport.has(xid)) return xid;
    }
  }

  #encode<T>(xid: number, call: RpcCall<T>): Uint8Array {
    const { sys } = this.#options;
    const { program, version, procedure } = call;
    return encodeXdr((writer) => {
      writeCall(writer, { xid, program, version, procedure, ...(sys && { sys }) });
      call.encode?.(writer);
    });
  }

  #decode<T>(message: Uint8Array, call: RpcCall<T>): T {
    try {
      const reader = new XdrReader(bytesOf(message));
      const error = replyError(readReply(reader), this.#where);
      if (error) throw error;
      return call.decode(reader);
    } catch (thrown) {
      if (!(thrown instanceof XdrError)) throw thrown;
      const text = `${this.#where} sent an answer that cannot be decoded: ${messageOf(thrown)}`;
      throw new RpcError('BAD_REPLY', text, { cause: thrown });
    }
  }
}
