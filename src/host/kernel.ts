// The interfaces to the kernel features that the guard uses: BPF, control groups and settings.

import type { PortRange } from '../base/port.ts';
import type { SysctlChange } from '../base/sysctl-change.ts';

/** A control group of version 2 (cgroups(7)). */
export interface ControlGroup {
  /** Relative to the root of the hierarchy: "/system.slice/ssh.service". The root is "/". */
  readonly path: string;
  /** Unique until the next boot. */
  readonly id: bigint;
  /** The uid of its owner, who can create cgroups in it. */
  readonly uid: number;
}

/** A control group that we created for a job. An attribute that only root can set marks it. */
export interface JobCgroup extends ControlGroup {
  readonly job: string;
  /** The uid of the user who requested it. */
  readonly grantee: number;
}

/**
 * The control groups of the host. The methods throw PortreeveError `CGROUP_FAILED` (environment) if the kernel refuses.
 */
export interface Cgroups {
  /** Undefined if it does not exist. */
  at(path: string): ControlGroup | undefined;
  /** The children of a cgroup that `pick` selects by name, recursively for those that it enters. */
  list(path: string, pick: (name: string) => 'leave' | 'take' | 'enter'): ControlGroup[];
  /** Calls `onChange` when a child of one of these is created or removed. On a host that cannot report that, never. */
  watch(paths: readonly string[], onChange: () => void): { close(): void };
  /** Whether marks can be read, which requires CAP_SYS_ADMIN. */
  readonly canReadMarks: boolean;
  /** All marked cgroups. Empty if marks cannot be read. */
  marked(): JobCgroup[];
  /** Creates a marked child that belongs to root. */
  make(parent: string, name: string, job: string, grantee: number): JobCgroup;
  /** Moves a process, with all its threads. */
  move(pid: number, into: ControlGroup): void;
  /** The processes in the cgroup itself, without those in its children. */
  members(cgroup: ControlGroup): number[];
  /** Removes a cgroup. Returns false if it is not empty, or if another process holds it. */
  remove(cgroup: ControlGroup): boolean;
  /** Prevents other root processes from removing it until it is released or this process exits. */
  hold(cgroup: ControlGroup): { release(): void };
}

/** The parameters of a BPF map (bpf(2)). */
export interface KernelMapSpec {
  readonly type: 'hash' | 'lru_hash' | 'array' | 'percpu_array' | 'array_of_maps' | 'ringbuf';
  /** Up to 15 letters, digits, "_" and ".". */
  readonly name: string;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
  readonly flags?: readonly ('no_prealloc' | 'mmapable' | 'inner_map')[];
  /** For an array of maps: the template of its elements. */
  readonly innerMap?: KernelMap;
}

/** The properties of a map, as the kernel reports them. */
interface KernelMapInfo {
  readonly id: number;
  readonly name: string;
  /** Undefined for a type that we do not use. */
  readonly type: string | undefined;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entries: number;
}

/** An open BPF map. Keys and values are bytes. */
export interface KernelMap {
  readonly fd: number;
  readonly info: KernelMapInfo;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array): boolean;
  delete(key: Uint8Array): boolean;
  updateBatch(keys: Uint8Array, values: Uint8Array): void;
  keys(): Iterable<Uint8Array>;
  /** Maps the values of an `mmapable` map into memory that is shared with the programs. */
  memory(access: 'read' | 'read and write'): {
    readonly u8: Uint8Array;
    readonly view: DataView;
    close(): void;
  };
  close(): void;
}

/** Called when a socket is bound (BPF_PROG_TYPE_CGROUP_SOCK_ADDR). */
export type BindHook = 'bind4' | 'bind6';

/** Called when a cgroup is created or removed: the tracepoints of these names (BPF_PROG_TYPE_TRACEPOINT). */
export type CgroupEvent = 'cgroup_mkdir' | 'cgroup_rmdir';

/** Where a program is attached. */
export type KernelHook = BindHook | CgroupEvent;

/** An open BPF program. */
export interface KernelProgram {
  readonly id: number;
  readonly name: string;
  /** A hash of the instructions without maps: equal for equal programs. */
  readonly tag: string;
  /** The IDs of the maps that it uses. */
  readonly mapIds: readonly number[];
  close(): void;
}

/** The attachment of a program to a cgroup. */
export interface KernelLink {
  readonly programId: number;
  /** 0 if the cgroup was removed or the program was detached. */
  readonly cgroupId: bigint;
  /** Replaces the program atomically. */
  update(program: KernelProgram): void;
  detach(): void;
  close(): void;
}

/** The BPF operations that the guard uses. The methods throw PortreeveError (environment) if the kernel refuses. */
export interface KernelBpf {
  /** Creates a directory in the BPF file system, and mounts that if necessary. Returns whether it was mounted. */
  makeDirectory(path: string): boolean;
  /** Removes a directory with its contents, if it exists. */
  removeDirectory(path: string): void;
  /** Unmounts the BPF file system if it is empty. */
  unmount(): void;
  /** Renames a directory. Returns false if the target is not empty. */
  rename(from: string, to: string): boolean;
  /** Exchanges two directories atomically. */
  exchange(one: string, other: string): void;
  /**
   * Locks a directory. Returns undefined if it does not exist. Waits for another process that holds it, at most a few
   * seconds, and then throws PortreeveError `BPF_BUSY` (environment).
   */
  hold(directory: string): { release(): void } | undefined;
  createMap(spec: KernelMapSpec): KernelMap;
  openMap(path: string): KernelMap | undefined;
  mapById(id: number): KernelMap | undefined;
  /** Throws PortreeveError `BPF_PROGRAM_REFUSED` (environment) with the verifier's log in `data.log`. */
  loadProgram(name: string, hook: KernelHook, instructions: Uint8Array): KernelProgram;
  /** The tags that kernels compute for a program, given its bytes without maps. */
  tags(tagged: Uint8Array): readonly string[];
  programById(id: number): KernelProgram | undefined;
  attach(program: KernelProgram, cgroup: string, hook: BindHook): KernelLink;
  /**
   * Attaches a program to a tracepoint. It is loaded only after the tracepoint was found. Throws PortreeveError
   * `TRACEPOINT_MISSING` and `TRACEPOINT_CLOSED` (environment).
   */
  attachEvent(event: CgroupEvent, load: () => KernelProgram): KernelLink;
  /** Returns false if there is no such pin. */
  unpin(path: string): boolean;
  openLink(path: string): KernelLink | undefined;
  pin(object: KernelMap | KernelLink, path: string): void;
  /** The directory of the root cgroup. Throws PortreeveError `CGROUP2_MISSING` (environment). */
  cgroupRoot(): string;
  /** The ID of the cgroup at a directory. */
  cgroupId(directory: string): bigint;
  /** The cookie of our network namespace (SO_NETNS_COOKIE). */
  namespaceCookie(): bigint;
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  bootNow(): bigint;
  /** The length of a kernel tick (time(7): jiffy) in microseconds. Undefined if unknown. */
  tickUs(): number | undefined;
}

/** A network namespace (network_namespaces(7)), and how to reach it. */
export interface NetworkNamespace {
  /** Unique until the next boot (SO_NETNS_COOKIE). */
  readonly cookie: bigint;
  /** Its mount points: "/run/netns/web". */
  readonly paths: readonly string[];
  /** The process in it with the lowest pid. */
  readonly pid: number | undefined;
}

/** The network namespaces that are visible. */
export interface VisibleNamespaces {
  readonly namespaces: readonly NetworkNamespace[];
  /** False if there are processes or namespaces that we have no permission to inspect. */
  readonly isComplete: boolean;
}

/** The network namespaces of the host. */
export interface NetworkNamespaces {
  /**
   * The cookie of the network namespace that a file refers to. Undefined if the file does not exist. Throws
   * PortreeveError `NOT_A_NAMESPACE` (refused) for another file, and `NAMESPACE_CLOSED` (environment) without
   * permission to enter it.
   */
  cookieAt(path: string): bigint | undefined;
  /**
   * Calls `act` inside the network namespace that a file refers to. `act` must be synchronous. Returns undefined if the
   * file does not exist. Throws like cookieAt(), and what `act` throws.
   */
  within<Result>(path: string, act: (cookie: bigint) => Result): Result | undefined;
  /** The network namespaces that have a visible mount point or a process. */
  visible(): VisibleNamespaces;
}

/** The kernel settings (sysctl(8)). Those under "net." belong to our network namespace. */
export interface Sysctls {
  /**
   * The value of a setting, such as "net.ipv4.ip_local_port_range", without the newline. Undefined if the kernel does
   * not have the setting. Throws PortreeveError `SYSCTL_UNREADABLE` (environment).
   */
  read(name: string): string | undefined;
  /**
   * Writes a setting. A list longer than a page is written in several parts: for a moment only the first is in force.
   * Throws PortreeveError `SYSCTL_REFUSED` (environment).
   */
  write(name: string, value: string): void;
}

/** The records of all network namespaces whose settings we changed. */
export interface SysctlRecords {
  /**
   * The record of the namespace with this cookie, which must be the caller's. Throws PortreeveError
   * `SYSCTL_RECORD_DAMAGED`, `FILE_UNREADABLE` and `FILE_UNWRITABLE` (environment).
   */
  of(cookie: bigint): SysctlRecord;
  /** The cookies of the namespaces with a record. */
  cookies(): readonly bigint[];
  /** Drops the record of a namespace that no longer exists. */
  forget(cookie: bigint): void;
}

/** The record of our changes to kernel settings. It is valid until the next boot. */
export interface SysctlRecord {
  /** Throws PortreeveError `SYSCTL_RECORD_DAMAGED` and `FILE_UNREADABLE` (environment). */
  read(): readonly SysctlChange[];
  /** Replaces the record atomically. Throws PortreeveError `FILE_UNWRITABLE` (environment). */
  write(changes: readonly SysctlChange[]): void;
}

/** The record of UDP ports that the guard has permitted to users other than root since boot. */
export interface GrantedPorts {
  /**
   * Adds ports. Must be called before the guard permits them. Throws PortreeveError `FILE_UNWRITABLE` (environment).
   */
  record(spans: readonly PortRange[]): void;
}
