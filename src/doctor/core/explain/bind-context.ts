// What is known where it is answered whether somebody can have a port.
import type { Protocol } from '../../../base/port.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { AlikeSockets } from './alike-sockets.ts';
import type { Attempt } from './attempts.ts';
import type { EphemeralAllocation } from './ephemeral-allocation.ts';
import type { Binder, Permission } from './permission.ts';

/** A port, who has it, and who asks for it. */
export interface BindContext {
  readonly port: number;
  readonly protocol: Protocol;
  readonly attempts: readonly Attempt<AlikeSockets>[];
  readonly allocation: EphemeralAllocation;
  readonly you: Binder & { readonly permission: Permission };
  readonly root: Binder & { readonly permission: Permission };
  readonly kernel: KernelPorts;
}

/** Something that can be done, or that helps to know what: a sentence without its full stop. */
export interface Remedy {
  readonly text: string;
  /** How it is done. */
  readonly command?: string;
}

/**
 * What a socket does that is in the way: it listens, or is one of UDP; it is bound and does neither; it is connected;
 * it was, and nobody has it any more.
 */
export type HeldCause = 'LISTENING' | 'BOUND' | 'CONNECTED' | 'WAITING';
