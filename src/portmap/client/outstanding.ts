// The RPC calls that wait for an answer, by xid.
import { RpcError } from './errors.ts';

/** When a call is given up. */
export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface PendingCall {
  readonly resolve: (message: Uint8Array) => void;
  readonly reject: (error: RpcError) => void;
  /** Removes its timer and its listener on the signal. */
  readonly dispose: () => void;
}

/** The xid and the message type (RFC 5531 section 9: rpc_msg). */
const HEAD_BYTES = 8;

/** The calls of one transport. */
export class Outstanding {
  readonly #where: string;
  readonly #pending = new Map<number, PendingCall>();

  constructor(where: string) {
    this.#where = where;
  }

  get size(): number {
    return this.#pending.size;
  }

  has(xid: number): boolean {
    return this.#pending.has(xid);
  }

  /** Resolves with the message that answers `xid`. Rejects with RpcError `TIMEOUT`, `ABORTED`, or that of fail(). */
  wait(xid: number, { timeoutMs, signal }: CallOptions): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const onTimeout = () => {
      this.fail(xid, new RpcError('TIMEOUT', `no answer from ${this.#where} within ${timeoutMs} ms`));
    };
    const onAbort = () => this.fail(xid, abortedError(this.#where, signal));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    const dispose = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    this.#pending.set(xid, { resolve, reject, dispose });
    return promise;
  }

  /** Passes a message to the call that it answers. One that is late, duplicate, or unsolicited is dropped. */
  settle(message: Uint8Array): void {
    if (message.length < HEAD_BYTES) return;
    const xid = new DataView(message.buffer, message.byteOffset).getUint32(0);
    this.#take(xid)?.resolve(message);
  }

  fail(xid: number, error: RpcError): void {
    this.#take(xid)?.reject(error);
  }

  failAll(error: RpcError): void {
    for (const xid of [...this.#pending.keys()]) this.fail(xid, error);
  }

  #take(xid: number): PendingCall | undefined {
    const call = this.#pending.get(xid);
    this.#pending.delete(xid);
    call?.dispose();
    return call;
  }
}

export function abortedError(where: string, signal: AbortSignal | undefined): RpcError {
  return new RpcError('ABORTED', `the call to ${where} was aborted`, { cause: signal?.reason });
}

export function closedError(where: string): RpcError {
  return new RpcError('CLOSED', `the client for ${where} is closed`);
}
