// What the checks look at: a host at one moment, as plain data. What could not be looked at is undefined.
import type { IpAddress } from '../../../base/address.ts';
import type { Protocol } from '../../../base/port.ts';
import type { ServiceEntry } from '../../../names/core/services.ts';
import type { Profile } from '../../../profile/core/rules.ts';
import type { InaddrAnyRange } from '../../../profile/text/bpxprm.ts';
import type { KernelPorts, Seen } from '../../../sockets/core/seen.ts';

/** A closed range of ports. */
export interface Ports {
  readonly first: number;
  readonly last: number;
}

/** A value, and where it is said: "/etc/sysctl.d/10-ports.conf:3". */
export interface Said<Value> {
  readonly value: Value;
  readonly place: string;
}

/** The kernel's settings of ports as they will be after a boot; undefined where no file says anything. */
export interface BootPorts {
  readonly ephemeral: Said<Ports> | undefined;
  readonly reserved: Said<readonly Ports[]> | undefined;
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
  /** What the guard does with it here; `elsewhere`: in other network namespaces. Undefined: it could not be asked. */
  readonly guard: 'enforce' | 'observe' | 'off' | 'elsewhere' | undefined;
  /** The errno that a refused bind(2) to a port from 512 to 1023 fails with. */
  readonly errnoLow: string;
  /** The job that stands for every job (STARTUP_PROC); "OMVS" unless it is set. */
  readonly omvsJob: string;
}

/** A program that is registered with the port mapper. */
export interface Registration {
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

/** Ports from which something on this host chooses for others. */
export interface Pool extends Ports {
  /** `nodeport`, `nomad`, `docker`, `portserver`. */
  readonly id: string;
  /** As a sentence has it: "the NodePorts of Kubernetes". */
  readonly title: string;
  /** What on this host says so: a file, a program that runs, or that it is the default. */
  readonly says: string;
  /** The programs that choose, as jobs. */
  readonly jobs: readonly string[];
  /** A port is held by a socket as soon as it is chosen, and where that fails the next one is tried. */
  readonly isHeld: boolean;
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
export interface Scene {
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
  readonly registrations: readonly Registration[] | undefined;
  /** The number of an RPC program by one of its names. */
  readonly programOf: (name: string) => number | undefined;
  /** Those of what is on this host, with what its configuration says. */
  readonly pools: readonly Pool[];
  /** The ports of /etc/bindresvport.blacklist. */
  readonly blacklist: readonly number[];
  readonly trusts: readonly LowPortTrust[];
  readonly assignable: readonly AssignableElsewhere[];
}
