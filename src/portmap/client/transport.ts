// What a client needs of UDP, TCP and Unix sockets alike.
import type { CallOptions } from './outstanding.ts';

/** Carries messages there and answers back. */
export interface Transport {
  /** Whether a call waits under this xid. */
  has(xid: number): boolean;
  /** Sends a message and gives the one that answers it. */
  call(xid: number, message: Uint8Array, timeout: CallOptions): Promise<Uint8Array>;
  /** Gives up what is outstanding and resolves when the socket is gone. */
  close(): Promise<void>;
}
