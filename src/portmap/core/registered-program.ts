// An RPC program as it is registered with the port mapper of a host: its versions at one address.
import type { IpAddress } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';

/** A program that is registered with the port mapper. */
export interface RegisteredProgram {
  readonly program: number;
  /** Undefined where it is known by its number only. */
  readonly name: string | undefined;
  /** Ascending. */
  readonly versions: readonly number[];
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
  readonly owner: string | undefined;
}
