// The calls that wait for an answer, found again by their xid.
import { RpcError } from './errors.ts';

/** How long an answer is waited for. */
export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

interface Waiting {
  readonly resolve: (message: Uint8Array) => void;
  readonly reject: (error: RpcError) => void;
  /** Takes back its timer and its place at the signal. */
  readonly forget: () => void;
}

/** The bytes of a message up to where it says whether it is a call or a reply. */
const HEAD_BYTES = 8;

/** The calls of one transport. */
export class Outstanding {
  readonly #where: string;
  readonly #waiting = new Map<number, Waiting>();

  constructor(where: string) {
    this.#where = where;
  }

  get size(): number {
    return this.#waiting.size;
  }

  has(xid: number): boolean {
    return this.#waiting.has(xid);
  }

  /** The message that answers `xid`, or an RpcError: `TIMEOUT`, `ABORTED`, or what fail() is told. */
  wait(xid: number, { timeoutMs, signal }: CallOptions): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const onTimeout = () => {
      this.fail(xid, new RpcError('TIMEOUT', `no answer from ${this.#where} within ${timeoutMs} ms`));
    };
    const onAbort = () => this.fail(xid, abortedError(this.#where, signal));
    const timer = setTimeout(onTimeout, timeoutMs);
    signal?.addEventListener('abort', onAbort);
    const forget = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    this.#waiting.set(xid, { resolve, reject, forget });
    return promise;
  }

  /** Gives a message to the call that it answers. One that answers none is late, doubled or astray, and dropped. */
  settle(message: Uint8Array): void {
    if (message.length < HEAD_BYTES) return;
    const xid = new DataView(message.buffer, message.byteOffset).getUint32(0);
    this.#take(xid)?.resolve(message);
  }

  fail(xid: number, error: RpcError): void {
    this.#take(xid)?.reject(error);
  }

  failAll(error: RpcError): void {
    for (const xid of [...this.#waiting.keys()]) this.fail(xid, error);
  }

  #take(xid: number): Waiting | undefined {
    const waiting = this.#waiting.get(xid);
    this.#waiting.delete(xid);
    waiting?.forget();
    return waiting;
  }
}

export function abortedError(where: string, signal: AbortSignal | undefined): RpcError {
  return new RpcError('ABORTED', `the call of ${where} was given up`, { cause: signal?.reason });
}

export function closedError(where: string): RpcError {
  return new RpcError('CLOSED', `the client of ${where} is closed`);
}
