// The interface that a client requires of UDP, TCP and Unix sockets.
import type { CallOptions } from './outstanding.ts';

/** Sends calls to one server and matches its answers to them. */
export interface Transport {
  /** Whether a call with this xid is outstanding. */
  has(xid: number): boolean;
  /** Sends a message; resolves with its answer. */
  call(xid: number, message: Uint8Array, timeout: CallOptions): Promise<Uint8Array>;
  /** Rejects outstanding calls; resolves when the socket is closed. */
  close(): Promise<void>;
}
