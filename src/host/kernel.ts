// What the guard needs of the kernel: BPF, control groups and settings. Interfaces only.

import type { PortRange } from '../base/port.ts';
import type { SysctlChange } from '../base/sysctl-change.ts';

/** A control group of version 2 (cgroups(7)). */
export interface ControlGroup {
  /** From the root of the hierarchy on: "/system.slice/ssh.service"; the root itself is "/". */
  readonly path: string;
  /** Its number, which no other one gets before the next boot. */
  readonly id: bigint;
  /** The uid of its owner, who can make others in it. */
  readonly uid: number;
}

/** A control group that we made for a job. It says so itself, by a mark that only root can make. */
export interface JobCgroup extends ControlGroup {
  readonly job: string;
  /** The uid of whoever asked for it. */
  readonly grantee: number;
}

/**
 * The control groups of the host. The methods throw PortreeveError `CGROUP_FAILED` (environment) where the kernel
 * refuses.
 */
export interface Cgroups {
  /** One of them; undefined if there is none. */
  at(path: string): ControlGroup | undefined;
  /** Those just below one that `pick` takes by their names, and in each that it enters those below, too. */
  list(path: string, pick: (name: string) => 'leave' | 'take' | 'enter'): ControlGroup[];
  /** Calls when one is made or removed just below one of these; where the host cannot tell that, never. */
  watch(paths: readonly string[], onChange: () => void): { close(): void };
  /** Whether marks can be read here, which takes CAP_SYS_ADMIN. */
  readonly canReadMarks: boolean;
  /** Every one that has our mark; none where marks cannot be read. */
  marked(): JobCgroup[];
  /** Makes one below another, root's and with our mark. */
  make(parent: string, name: string, job: string, grantee: number): JobCgroup;
  /** Moves a process into one, with all its threads. */
  move(pid: number, into: ControlGroup): void;
  /** The processes in it, without those in others below it. */
  members(cgroup: ControlGroup): number[];
  /** Removes it; false if there is something in it, or another process holds it. */
  remove(cgroup: ControlGroup): boolean;
  /** Keeps other processes of root from removing it, until it is released or this process ends. */
  hold(cgroup: ControlGroup): { release(): void };
}

/** What a BPF map is to be (bpf(2)). */
export interface KernelMapSpec {
  readonly type: 'hash' | 'lru_hash' | 'array' | 'percpu_array' | 'array_of_maps' | 'ringbuf';
  /** Up to 15 letters, digits, "_" and ".". */
  readonly name: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  readonly flags?: readonly ('no_prealloc' | 'mmapable' | 'inner_map')[];
  /** For an array of maps: the pattern that those in it follow. */
  readonly innerMap?: KernelMap;
}

/** What the kernel says of a map. */
interface KernelMapInfo {
  readonly id: number;
  readonly name: string;
  /** Undefined for a type that is none of ours. */
  readonly type: string | undefined;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
}

/** A BPF map that is open here. Keys and values are bytes. */
export interface KernelMap {
  readonly fd: number;
  readonly info: KernelMapInfo;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array): boolean;
  delete(key: Uint8Array): boolean;
  updateBatch(keys: Uint8Array, values: Uint8Array): void;
  keys(): Iterable<Uint8Array>;
  /** The values of a map that was made `mmapable`, as memory that the programs see at once. */
  memory(access: 'read' | 'read and write'): {
    readonly u8: Uint8Array;
    readonly view: DataView;
    close(): void;
  };
  close(): void;
}

/** When a socket is bound (BPF_PROG_TYPE_CGROUP_SOCK_ADDR). */
export type BindHook = 'bind4' | 'bind6';

/** When a cgroup is made or removed: the kernel's tracepoints of these names (BPF_PROG_TYPE_TRACEPOINT). */
export type CgroupEvent = 'cgroup_mkdir' | 'cgroup_rmdir';

/** Where a program is called. */
export type KernelHook = BindHook | CgroupEvent;

/** A BPF program that is open here. */
export interface KernelProgram {
  readonly id: number;
  readonly name: string;
  /** A hash of its instructions without the maps: the same program has the same. */
  readonly tag: string;
  /** The numbers of the maps that it uses. */
  readonly mapIds: readonly number[];
  close(): void;
}

/** A program's place in a cgroup. */
export interface KernelLink {
  readonly programId: number;
  /** 0 where the cgroup is gone, or the program was taken out of it. */
  readonly cgroupId: bigint;
  /** Exchanges the program at once. */
  update(program: KernelProgram): void;
  detach(): void;
  close(): void;
}

/** BPF, as the guard needs it. The methods throw PortreeveError (environment) where the kernel refuses. */
export interface KernelBpf {
  /** Makes a directory in the BPF file system, which is mounted if it is not; gives whether it was mounted now. */
  makeDirectory(path: string): boolean;
  /** Takes a directory with all names in it away, if it is there. */
  removeDirectory(path: string): void;
  /** Unmounts the BPF file system, unless there are names in it. */
  unmount(): void;
  /** Gives a directory another name; false where that is one with names in it. */
  rename(from: string, to: string): boolean;
  /** Two directories take each other's name, at once. */
  exchange(one: string, other: string): void;
  /**
   * Holds a directory, so that nobody else holds it meanwhile; undefined where it is not there. It is waited for, a few
   * seconds at most: throws PortreeveError `BPF_BUSY` (environment) then.
   */
  hold(directory: string): { release(): void } | undefined;
  createMap(spec: KernelMapSpec): KernelMap;
  openMap(path: string): KernelMap | undefined;
  mapById(id: number): KernelMap | undefined;
  /** Throws PortreeveError `BPF_PROGRAM_REFUSED` (environment) with the verifier's log as `data.log`. */
  loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram;
  /** The tags that kernels give to a program of which these are the bytes without the maps. */
  tags(tagged: Uint8Array): readonly string[];
  programById(id: number): KernelProgram | undefined;
  attach(program: KernelProgram, cgroup: string, hook: BindHook): KernelLink;
  /**
   * Has a program called at each such event: it is loaded when the kernel is known to have it. Throws PortreeveError
   * `TRACEPOINT_MISSING` and `TRACEPOINT_CLOSED` (environment).
   */
  attachEvent(event: CgroupEvent, load: () => KernelProgram): KernelLink;
  /** Takes a name away; false where there is none. */
  unpin(path: string): boolean;
  openLink(path: string): KernelLink | undefined;
  pin(object: KernelMap | KernelLink, path: string): void;
  /** The directory of the root cgroup. Throws PortreeveError `CGROUP2_MISSING` (environment). */
  cgroupRoot(): string;
  /** The number of a cgroup by its directory. */
  cgroupId(directory: string): bigint;
  /** The cookie of the network namespace that we are in (SO_NETNS_COOKIE). */
  namespaceCookie(): bigint;
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  bootNow(): bigint;
  /** How long a tick of the kernel is (time(7): jiffy), in microseconds; undefined where it cannot be told. */
  tickUs(): number | undefined;
}

/** A network namespace (network_namespaces(7)) to which something leads. */
export interface NetworkNamespace {
  /** Its number, which no other one gets before the next boot (SO_NETNS_COOKIE). */
  readonly cookie: bigint;
  /** The files that it is mounted at: "/run/netns/web". */
  readonly paths: readonly string[];
  /** The process in it that has the lowest number. */
  readonly pid: number | undefined;
}

/** The network namespaces that can be seen. */
export interface SeenNamespaces {
  readonly namespaces: readonly NetworkNamespace[];
  /** False where there are processes, or namespaces, that we may not look at. */
  readonly isComplete: boolean;
}

/** The network namespaces of the host. */
export interface NetworkNamespaces {
  /**
   * The number of the one that a file is of; undefined where there is no such file. Throws PortreeveError
   * `NOT_A_NAMESPACE` (refused) for another file, and `NAMESPACE_CLOSED` (environment) where we may not enter it.
   */
  cookieAt(path: string): bigint | undefined;
  /**
   * Acts inside the one that a file is of; `act` is given its number, and must have ended when it returns. Undefined
   * where there is no such file. Throws like cookieAt(), and what `act` throws.
   */
  within<Result>(path: string, act: (cookie: bigint) => Result): Result | undefined;
  /** Those that are mounted somewhere, as seen from here, or have a process. */
  seen(): SeenNamespaces;
}

/** The kernel's settings (sysctl(8)); those under "net." are the ones of the network namespace that we are in. */
export interface Sysctls {
  /**
   * The value of a setting, such as "net.ipv4.ip_local_port_range", without the line end; undefined if the kernel has
   * none of that name. Throws PortreeveError `SYSCTL_UNREADABLE` (environment).
   */
  read(name: string): string | undefined;
  /**
   * Gives a setting a value. A list that is longer than a page goes in piece by piece: for a moment only its beginning
   * is in force. Throws PortreeveError `SYSCTL_REFUSED` (environment).
   */
  write(name: string, value: string): void;
}

/** The records of all network namespaces whose settings we wrote. */
export interface SysctlRecords {
  /**
   * That of the namespace with the cookie, in which the caller is. Throws PortreeveError `SYSCTL_RECORD_DAMAGED`,
   * `FILE_UNREADABLE` and `FILE_UNWRITABLE` (environment).
   */
  of(cookie: bigint): SysctlRecord;
  /** The cookies of those that have one. */
  cookies(): readonly bigint[];
  /** Drops that of a namespace that is gone. */
  forget(cookie: bigint): void;
}

/** The record of what we wrote into the kernel's settings, which means nothing after a reboot. */
export interface SysctlRecord {
  /** Every setting that is ours. Throws PortreeveError `SYSCTL_RECORD_DAMAGED` and `FILE_UNREADABLE` (environment). */
  read(): readonly SysctlChange[];
  /** Puts others in their place, whole or not at all. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
  write(changes: readonly SysctlChange[]): void;
}

/** The record of the UDP ports that the guard has let others than root bind since the host was started. */
export interface GrantedPorts {
  /** Adds ports, before the guard lets anybody have them. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
  record(spans: readonly PortRange[]): void;
}
