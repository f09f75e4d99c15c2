// The interfaces to the operating system. linux/ implements them. test/support/sim has a simulated host for tests.

import type { IpAddress } from '../base/address.ts';
import type { Bytes } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import type { NetId } from '../base/netid.ts';
import type { InterfaceAddress, Peer } from '../base/peer.ts';
import type { Port, Protocol } from '../base/port.ts';

export type {
  BindHook,
  CgroupEvent,
  Cgroups,
  ControlGroup,
  JobCgroup,
  KernelBpf,
  KernelHook,
  KernelLink,
  KernelMap,
  KernelMapSpec,
  KernelProgram,
  NetworkNamespace,
  NetworkNamespaces,
  SysctlRecord,
  SysctlRecords,
  Sysctls,
  VisibleNamespaces,
} from './kernel.ts';

/** A socket of this host and its owner. */
export interface HeldSocket {
  readonly uid: number;
  readonly inode: number;
}

/** The sockets of the network namespace. Every call queries the kernel again: the result is valid only at that time. */
export interface SocketTable {
  /**
   * The sockets that receive what is sent to an address and port of this host: those bound to it, and those bound to
   * the wildcard address. For a wildcard address, those bound to any address.
   */
  at(netid: Exclude<NetId, 'local'>, address: IpAddress, port: number): HeldSocket[];
}

/** A file that a process accesses only through an inherited descriptor. */
export interface LogFile {
  read(): Uint8Array;
  /** Writes at an offset. Returns the errno name if not everything could be written. */
  write(bytes: Uint8Array, at: number): string | undefined;
  truncate(length: number): void;
}

/** The request processing of a server. The event loop calls it and sends the replies. */
export interface RequestHandler {
  /**
   * Answers the request in `request` from `start` to `end`. Writes the reply to `reply` from `at` to at most `limit`.
   * Returns the length of the reply, 0 for no reply, or -1 for an invalid request. On a stream, the rest of a long
   * reply is left in `tail`. It is not copied and must not change afterwards.
   */
  answer(
    peer: Peer,
    request: Bytes,
    start: number,
    end: number,
    reply: Bytes,
    at: number,
    limit: number,
  ): number;
  /** The rest of the last reply, usually undefined. The caller clears it. */
  tail: Uint8Array | undefined;
  /** Called with the addresses of the host's interfaces at the start and after every change. */
  interfacesChanged(addresses: readonly InterfaceAddress[]): void;
}

/** The output buffer of a stream. */
export interface StreamOutput {
  readonly buffer: Bytes;
  /** Returns an offset in `buffer` with room for `bytes` bytes. Earlier output is sent if necessary. */
  room(bytes: number): number;
  /** Marks `bytes` bytes from that offset as output. */
  commit(bytes: number): void;
  /** Adds output after what was committed. The bytes are not copied and must not change afterwards. */
  attach(tail: Uint8Array): void;
  /** Whether so much output is unsent that no more requests should be answered now. */
  readonly full: boolean;
}

/** The request processing of a server on streams. */
export interface StreamHandler {
  /**
   * Answers the complete requests at the beginning of `input`, from `start` to `end`, until none is left or `output` is
   * full.
   * Returns the number of bytes consumed. The rest is passed again with more data after it. -1: the stream is invalid
   * and must be closed.
   */
  receive(peer: Peer, input: Bytes, start: number, end: number, output: StreamOutput): number;
}

/** Decides which connections a server keeps. Its methods receive events with monotonic milliseconds. */
export interface ConnectionKeeper {
  /** A connection was accepted. Returns the one to close for it, if any. */
  opened(id: number, now: number): number | undefined;
  /** The peer sent data, or received some. */
  moved(id: number, now: number): void;
  /** Whether unsent replies are waiting on the connection. */
  waiting(id: number, waits: boolean, now: number): void;
  closed(id: number): void;
  /** The connection whose replies have waited longest. */
  mostStalled(): number | undefined;
  /** The connections that have timed out. */
  overdue(now: number): number[];
}

/** The address of a socket that a server answers on. */
export type EndpointSpec =
  | { readonly netid: Exclude<NetId, 'local'>; readonly address: IpAddress; readonly port: Port }
  | { readonly netid: 'local'; readonly path: string };

export interface OpenEndpoint {
  readonly spec: EndpointSpec;
  /** The file descriptor in this process. */
  readonly fd: number;
  /** Identifies the file of a Unix socket, to detect that it was replaced. */
  readonly file?: string | undefined;
}

/** Why a socket could not be opened. */
export type OpenFailure = {
  readonly errno: string;
  /**
   * `taken`: the address is in use. `denied`: permission denied. `absent`: this host does not have the address or
   * address family. `obstructed`: a file that is not a socket exists at the path.
   */
  readonly reason: 'taken' | 'denied' | 'absent' | 'obstructed' | 'other';
};

/** A process, with what we have permission to see. */
export interface ProcessInfo {
  readonly pid: number;
  readonly name: string;
  readonly uid: number;
  /** The resident set size. */
  readonly rssBytes: number;
}

/** Opens sockets, and finds the processes that hold them. */
export interface Sockets {
  /** Opens, binds and, for streams, listens. */
  open(spec: EndpointSpec): OpenEndpoint | OpenFailure;
  /** Closes the socket, and removes the file of a Unix socket unless it was replaced. */
  close(endpoint: OpenEndpoint): void;
  /** The processes that hold the port, path or abstract name. Empty if none are visible. */
  holders(what: { protocol: Protocol; port: Port } | { path: string }): ProcessInfo[];
}

/** A process that we started. */
export interface Child {
  readonly pid: number;
  /** Sends a line over the channel. */
  send(line: string): void;
  /** Closes the channel; the child then exits. */
  closeChannel(): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ChildSpec {
  readonly argv: readonly string[];
  /** Descriptors that the child inherits as 4, 5, and so on. 3 is its channel. */
  readonly fds: readonly number[];
  readonly onLine: (line: string) => void;
  readonly onEnd: (end: ChildEnd) => void;
}

/** The user that runs one of our programs. */
export interface ProgramUser {
  readonly uid: number;
  readonly gid: number;
}

/** One of our programs, made runnable for another user. */
export interface PreparedProgram {
  /** The script to pass to Node. */
  readonly entry: string;
  /** The path of Node. */
  readonly node: string;
  /** A descriptor of Node, if the user may execute it but cannot reach its path. */
  readonly nodeFd: number | undefined;
  /** Removes the copies. Call it after the program has exited. */
  release(): void;
}

export interface Processes {
  /** Makes one of our scripts runnable by a user. It is copied to `directory` if the user cannot read it in place. */
  prepare(entry: string, user: ProgramUser, directory: string): PreparedProgram;
  start(spec: ChildSpec): Child;
  /** Undefined if there is no such process. */
  info(pid: number): ProcessInfo | undefined;
  /** Opens a process for repeated inspection. Undefined if there is no such process. */
  hold(pid: number): HeldProcess | undefined;
}

/** An open process. A reused pid is never mistaken for it. */
export interface HeldProcess {
  readonly pid: number;
  /** Undefined once the process has exited and been waited for. */
  inspect(): HeldProcessInfo | undefined;
  close(): void;
}

export interface HeldProcessInfo {
  readonly parent: number;
  /** The real, effective, saved and file system uid (credentials(7)). */
  readonly uids: readonly number[];
  /** The path of its cgroup of version 2. Undefined if it is not in one. */
  readonly cgroup: string | undefined;
}

export interface Lock {
  release(): void;
}

/** Files, and lock files. */
export interface Files {
  /**
   * Returns the text of a file, or undefined if it does not exist. Throws PortreeveError `FILE_UNREADABLE`
   * (environment) and `FILE_TOO_LARGE` (usage).
   */
  readText(path: string, maxBytes: number): string | undefined;
  /** Returns the bytes of a file. Throws like readText(), also for a directory. */
  readBytes(path: string, maxBytes: number): Uint8Array | undefined;
  /** Changes whenever the file changes. Undefined if the file does not exist. */
  stamp(path: string): string | undefined;
  /** The sorted names in a directory. Empty if it does not exist. Throws `FILE_UNREADABLE` (environment). */
  names(directory: string): readonly string[];
  /** Takes a lock file, or returns the pid of the process that holds it, 0 if unknown. */
  takeLock(path: string): Lock | { readonly heldBy: number };
}

/** The host's user database (nsswitch.conf(5)): files, LDAP, SSSD and other sources. */
export interface UserDatabase {
  /**
   * Looks up keys, which are names or decimal numbers. Returns lines in the format of passwd(5) or group(5). A key
   * without an entry, or whose source is unavailable, has no line. Throws PortreeveError `USERS_SILENT` (environment)
   * if there is no valid answer within the timeout.
   */
  entries(database: 'passwd' | 'group', keys: readonly string[], timeoutMs: number): Promise<string>;
}

export interface Host {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly processes: Processes;
  readonly files: Files;
  /** The uid of this process. */
  readonly uid: number;
}

/** What exists at a path. Links are not followed. */
export type Present =
  | { readonly kind: 'nothing' | 'directory' | 'other' }
  | { readonly kind: 'file'; readonly text: string }
  | { readonly kind: 'link'; readonly target: string };
