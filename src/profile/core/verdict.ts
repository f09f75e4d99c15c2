// The request that a profile decides, a bind(2) or a listen(2), and the verdict.
import type { IpAddress } from '../../base/address.ts';
import type { Protocol } from '../../base/port.ts';
import type { RuleSource } from './rules.ts';

/** A program's bind(2) or listen(2). */
export interface BindRequest {
  readonly operation: 'bind' | 'listen';
  readonly protocol: Protocol;
  readonly address: IpAddress;
  /** 0 to 65535; 0 asks the kernel for any port. */
  readonly port: number;
  /** In upper case. */
  readonly job: string;
  /** Other names of the job, which entries of PORT and PORTRANGE match too. UNRSV uses `job` alone. */
  readonly aliases?: readonly string[];
  readonly uid: number;
  /** The primary and the supplementary groups. */
  readonly groups: readonly number[];
  /** Whether Linux permits ports below 1024: CAP_NET_BIND_SERVICE (capabilities(7)). */
  readonly lowPortCapable: boolean;
}

/** The reason for a verdict. */
export type Reason =
  /** Port 0: the kernel assigns a port, from `assignedFrom`. */
  | 'PORT_ZERO'
  /** Reserved for the job. */
  | 'RESERVED_FOR_JOB'
  /** Reserved, and no job may bind it (RESERVED). */
  | 'RESERVED_FOR_NO_ONE'
  /** Reserved for other jobs. */
  | 'RESERVED_FOR_OTHERS'
  /** Reserved for the job, whose user has no READ access to the SAF resource. */
  | 'SAF_NOT_PERMITTED'
  /** Not reserved, below 1024, and RESTRICTLOWPORTS. */
  | 'LOW_PORT_RESTRICTED'
  /** Not reserved, below 1024, no statement about low ports, and Linux does not permit it. */
  | 'LOW_PORT_OF_LINUX'
  /** Not reserved, and an UNRSV entry permits the job. */
  | 'UNRESERVED_FOR_JOB'
  /** Not reserved, and the UNRSV entry of the job is DENY. */
  | 'UNRESERVED_DENIED'
  /** Not reserved, and none of the UNRSV entries matches the job. */
  | 'UNRESERVED_FOR_OTHERS'
  /** Not reserved, and no rule denies it. */
  | 'UNRESERVED';

export interface Allowed {
  readonly allowed: true;
  readonly reason: Reason;
  /** The rule that decided; undefined if no rule applies. */
  readonly rule: RuleSource | undefined;
  /** BIND: the address that replaces the requested wildcard. */
  readonly address: IpAddress | undefined;
  /** SHAREPORT: several listeners may share the port. */
  readonly isShared: boolean;
  /** The setting for acknowledgments; undefined leaves them to the routes and the system. */
  readonly acks: 'DELAYACKS' | 'NODELAYACKS' | 'AUTODELAYACKS' | undefined;
  readonly smc: 'SMC' | 'NOSMC' | undefined;
  /** The profile grants a port below 1024 that Linux alone would deny. */
  readonly lowPortGranted: boolean;
  /** Port 0: the setting whose range the port is assigned from; undefined is the kernel's own range. */
  readonly assignedFrom: 'EXPLICITBINDPORTRANGE' | 'EPHEMERALPORTS' | undefined;
}

export interface Denied {
  readonly allowed: false;
  readonly reason: Reason;
  readonly errno: 'EACCES';
  readonly rule: RuleSource | undefined;
}

export type Verdict = Allowed | Denied;
