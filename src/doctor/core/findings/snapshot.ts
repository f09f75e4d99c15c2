// What the checks look at: a host at one moment, as plain data. What could not be looked at is undefined.

import type { PortRange, Protocol } from '../../../base/port.ts';
import type { ModeHere } from '../../../guard/core/mode-here.ts';
import type { Pool } from '../../../names/core/default-ranges.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import type { Profile } from '../../../profile/core/rules.ts';
import type { InaddrAnyRange } from '../../../profile/text/bpxprm.ts';
import type { Seen } from '../../../sockets/core/seen.ts';

/** A value, and where it is said: "/etc/sysctl.d/10-ports.conf:3". */
export interface Said<Value> {
  readonly value: Value;
  readonly place: string;
}

/** The kernel's settings of ports as they will be after a boot; undefined where no file says anything. */
export interface BootPorts {
  readonly ephemeral: Said<PortRange> | undefined;
  readonly reserved: Said<readonly PortRange[]> | undefined;
  readonly unprivilegedStart: Said<number> | undefined;
}

/** Which connections in TIME_WAIT connect(2) takes the port of after a second (net.ipv4.tcp_tw_reuse of ip-sysctl). */
export type TimeWaitReuse = 'none' | 'loopback' | 'all';

/** /etc/services. */
export interface ServicesFile {
  readonly entries: readonly ServiceEntry[];
  /** The line from which on entries are this host's own ("# Local services"); undefined where none says so. */
  readonly localFrom: number | undefined;
}

/** The profile in force. */
export interface ProfileInForce {
  readonly profile: Profile;
  /** What the guard does with it here; undefined where it could not be asked. */
  readonly guard: ModeHere | undefined;
  /** The errno that a refused bind(2) to a port from 512 to 1023 fails with. */
  readonly errnoLow: string;
  /** The job that stands for every job (STARTUP_PROC); "OMVS" unless it is set. */
  readonly omvsJob: string;
}

/** Something that lets in whoever has a port below 1024. */
export interface LowPortTrust {
  readonly kind: 'nfs' | 'rhosts';
  /** "/etc/exports:3". */
  readonly place: string;
  /** What is given to whom. */
  readonly what: string;
  /** Whether the program that would let them in listens now. */
  readonly isServed: boolean;
}

/** Another network namespace of the guard, in which the kernel may assign ports that the profile reserves. */
export interface AssignableElsewhere {
  /** "web", "pid:812" */
  readonly name: string;
  /** Undefined where the list cannot be read. */
  readonly ports: readonly number[] | undefined;
  /** Why it cannot. */
  readonly reason: string;
}

/** A host at one moment. */
export interface Snapshot {
  readonly seen: Seen;
  readonly kernel: KernelPorts;
  readonly reusesTimeWait: TimeWaitReuse;
  readonly boot: BootPorts;
  readonly services: ServicesFile;
  /** The names under which IANA has assigned a port; none where it is assigned to nobody. */
  readonly ianaNames: (port: number, protocol: Protocol) => readonly string[];
  /** Undefined where no profile was applied. */
  readonly inForce: ProfileInForce | undefined;
  /** The ranges for bind(2) to port 0 and any address of BPXPRMxx; none without such a member. */
  readonly inaddrAny: readonly InaddrAnyRange[];
  /** Undefined where no port mapper answers. */
  readonly registrations: readonly RegisteredProgram[] | undefined;
  /** The number of an RPC program by one of its names. */
  readonly programOf: (name: string) => number | undefined;
  /** Those of what is on this host, with what its configuration says. */
  readonly pools: readonly Pool[];
  /** The ports of /etc/bindresvport.blacklist. */
  readonly blacklist: readonly number[];
  readonly trusts: readonly LowPortTrust[];
  readonly assignable: readonly AssignableElsewhere[];
}
