// The input of the checks: the state of a host at one moment, as plain data.

import type { PortRange, Protocol } from '../../../base/port.ts';
import type { ModeHere } from '../../../guard/core/mode-here.ts';
import type { ConfiguredRange } from '../../../names/core/default-ranges.ts';
import type { KernelPorts } from '../../../names/core/kernel-ports.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { RegisteredProgram } from '../../../portmap/core/registered-program.ts';
import type { Profile } from '../../../profile/core/rules.ts';
import type { InaddrAnyRange } from '../../../profile/text/bpxprm.ts';
import type { SocketSnapshot } from '../../../sockets/core/socket-snapshot.ts';

/** A configured value. */
export interface Configured<Value> {
  readonly value: Value;
  /** The line that sets it: "/etc/sysctl.d/10-ports.conf:3". */
  readonly place: string;
}

/** The port settings of the kernel after the next boot; undefined where no file sets them. */
export interface BootPorts {
  readonly ephemeral: Configured<PortRange> | undefined;
  readonly reserved: Configured<readonly PortRange[]> | undefined;
  readonly unprivilegedStart: Configured<number> | undefined;
}

/** For which connections in TIME_WAIT connect(2) may reuse the port after a second (net.ipv4.tcp_tw_reuse). */
export type TimeWaitReuse = 'none' | 'loopback' | 'all';

/** /etc/services. */
export interface ServicesFile {
  readonly entries: readonly ServiceEntry[];
  /** The line "# Local services", after which the entries of the administrator begin; undefined without that line. */
  readonly localFrom: number | undefined;
}

export interface ProfileInForce {
  readonly profile: Profile;
  /** The mode of the guard here; undefined where it could not be queried. */
  readonly guard: ModeHere | undefined;
  /** The error of a refused bind(2) to a port from 512 to 1023. */
  readonly errnoLow: string;
  /** The job name that matches every job (STARTUP_PROC); "OMVS" unless it is set. */
  readonly omvsJob: string;
}

/** A service that grants access by a source port below 1024. */
export interface LowPortTrust {
  readonly kind: 'nfs' | 'rhosts';
  /** "/etc/exports:3". */
  readonly place: string;
  /** What is granted, and to which hosts or users. */
  readonly what: string;
  /** Whether the program that grants it listens now. */
  readonly isServed: boolean;
}

/** Another network namespace of the guard in which the kernel may assign ports that the profile reserves. */
export interface AssignableElsewhere {
  /** "web", "pid:812" */
  readonly name: string;
  /** Undefined where the list cannot be read. */
  readonly ports: readonly number[] | undefined;
  /** Why the list cannot be read. */
  readonly reason: string;
}

export interface Snapshot {
  readonly seen: SocketSnapshot;
  readonly kernel: KernelPorts;
  readonly reusesTimeWait: TimeWaitReuse;
  readonly boot: BootPorts;
  readonly services: ServicesFile;
  /** The service names to which IANA has assigned a port. */
  readonly ianaNames: (port: number, protocol: Protocol) => readonly string[];
  /** Undefined where no profile was applied, or where it could not be read. */
  readonly inForce: ProfileInForce | undefined;
  /** The ranges of BPXPRMxx for bind(2) to port 0 and any address; empty without such a member. */
  readonly inaddrAny: readonly InaddrAnyRange[];
  /** Undefined where the port mapper could not be queried. */
  readonly registrations: readonly RegisteredProgram[] | undefined;
  /** The number of an RPC program by one of its names. */
  readonly programOf: (name: string) => number | undefined;
  /** The ranges from which programs on this host choose ports, as configured here. */
  readonly programRanges: readonly ConfiguredRange[];
  /** The ports of /etc/bindresvport.blacklist. */
  readonly blacklist: readonly number[];
  readonly trusts: readonly LowPortTrust[];
  readonly assignable: readonly AssignableElsewhere[];
}
