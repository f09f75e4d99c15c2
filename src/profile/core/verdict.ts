// What is asked of a profile, and what it answers.
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
  /** Its other names: an entry that names one of them is for it. UNRSV goes by `job` alone. */
  readonly aliases?: readonly string[];
  readonly uid: number;
  /** Its supplementary groups, and its own. */
  readonly groups: readonly number[];
  /** Whether Linux lets it bind ports below 1024: CAP_NET_BIND_SERVICE (capabilities(7)). */
  readonly lowPortCapable: boolean;
}

/** Why a verdict is what it is. */
export type Reason =
  /** Port 0: the kernel chooses, from `pool`. */
  | 'PORT_ZERO'
  /** Reserved, and the job is one that it is reserved for. */
  | 'RESERVED_FOR_JOB'
  /** Reserved for no one. */
  | 'RESERVED_FOR_NO_ONE'
  /** Reserved for other jobs. */
  | 'RESERVED_FOR_OTHERS'
  /** Reserved for the job, whose user has no READ access to the SAF resource. */
  | 'SAF_NOT_PERMITTED'
  /** Not reserved, below 1024, and RESTRICTLOWPORTS. */
  | 'LOW_PORT_RESTRICTED'
  /** Not reserved, below 1024, nothing is said of low ports, and Linux does not let the user. */
  | 'LOW_PORT_OF_LINUX'
  /** Not reserved, and an entry of UNRSV lets the job. */
  | 'UNRESERVED_FOR_JOB'
  /** Not reserved, and UNRSV says DENY. */
  | 'UNRESERVED_DENIED'
  /** Not reserved, there are entries of UNRSV, and none of them matches the job. */
  | 'UNRESERVED_FOR_OTHERS'
  /** Not reserved, and nothing is said against it. */
  | 'UNRESERVED';

export interface Allowed {
  readonly allowed: true;
  readonly reason: Reason;
  /** The rule that said so; undefined where none says anything. */
  readonly rule: RuleSource | undefined;
  /** BIND: the address that the socket gets instead of the wildcard that was asked for. */
  readonly address: IpAddress | undefined;
  /** SHAREPORT: several listeners may share the port. */
  readonly isShared: boolean;
  /** What is said of acknowledgments; undefined leaves them to the routes and the system. */
  readonly acks: 'DELAYACKS' | 'NODELAYACKS' | 'AUTODELAYACKS' | undefined;
  readonly smc: 'SMC' | 'NOSMC' | undefined;
  /** A port below 1024 is given to a program that Linux would not let have it. */
  readonly lowPortGranted: boolean;
  /** Port 0: the pool that is chosen from; undefined is the kernel's own. */
  readonly pool: 'EXPLICITBINDPORTRANGE' | 'EPHEMERALPORTS' | undefined;
}

export interface Denied {
  readonly allowed: false;
  readonly reason: Reason;
  readonly errno: 'EACCES';
  readonly rule: RuleSource | undefined;
}

export type Verdict = Allowed | Denied;
