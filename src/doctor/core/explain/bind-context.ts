// The input for the answer whether a port can be bound: the port, its sockets, and the users in question.
import type { Protocol } from '../../../base/port.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { Attempt } from './attempts.ts';
import type { EphemeralAllocation } from './ephemeral-allocation.ts';
import type { Binder, Permission } from './permission.ts';
import type { SocketGroup } from './socket-group.ts';

export interface BindContext {
  readonly port: number;
  readonly protocol: Protocol;
  readonly attempts: readonly Attempt<SocketGroup>[];
  readonly allocation: EphemeralAllocation;
  readonly you: Binder & { readonly permission: Permission };
  readonly root: Binder & { readonly permission: Permission };
  readonly kernel: KernelPorts;
}

/** A way to obtain the port, or a command that shows one. */
export interface Remedy {
  /** A sentence without its full stop. */
  readonly text: string;
  readonly command?: string;
}

/**
 * What a conflicting socket does. LISTENING: a TCP listener or an unconnected UDP socket; BOUND: neither listening nor
 * connected; CONNECTED; WAITING: closed by its process, but kept by the kernel.
 */
export type HeldCause = 'LISTENING' | 'BOUND' | 'CONNECTED' | 'WAITING';
