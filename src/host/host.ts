// What portreeve needs of an operating system: interfaces only. linux/ has the real one, sim/ a simulated one.

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
  SeenNamespaces,
  SysctlRecord,
  SysctlRecords,
  Sysctls,
} from './kernel.ts';

/** A socket of this host, as far as it matters who has it. */
export interface HeldSocket {
  readonly uid: number;
  readonly inode: number;
}

/** Which sockets the network namespace has, asked anew each time: what is told is true at that moment only. */
export interface SocketTable {
  /**
   * The sockets that get what is sent to an address and port of this host over a transport: those bound to it, and
   * those bound to all addresses. For a wildcard address those bound to any.
   */
  at(netid: Exclude<NetId, 'local'>, address: IpAddress, port: number): HeldSocket[];
}

/** A file that a process writes to through a descriptor that it was given. */
export interface LogFile {
  /** All of it. */
  read(): Uint8Array;
  /** Writes at an offset; gives the errno's name if not all of it could be written. */
  write(bytes: Uint8Array, at: number): string | undefined;
  /** Cuts it off at a length. */
  truncate(length: number): void;
}

/** What a server does with requests; the loop calls it and sends what it answers. */
export interface RequestHandler {
  /**
   * Answers one request, which is `request` from `start` to `end`, into `reply` from `at` on, up to `limit`.
   * Gives the length of the answer, 0 for silence, -1 for what is no request. On a stream, an answer that is
   * longer than what is written there leaves the rest, which is not copied and must not change any more, in `tail`.
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
  /** What follows the answer just written; undefined for most. The caller takes it away. */
  tail: Uint8Array | undefined;
  /** The addresses of the host's interfaces, at the start and after every change. */
  interfacesChanged(addresses: readonly InterfaceAddress[]): void;
}

/** Where the answers on a stream go, in their order. */
export interface StreamOutput {
  readonly buffer: Bytes;
  /** The offset in `buffer` from which `bytes` bytes can be written; what stands before it is sent if need be. */
  room(bytes: number): number;
  /** The `bytes` bytes from that offset on are to be sent. */
  commit(bytes: number): void;
  /** Bytes to be sent behind what was committed; they are not copied and must not change any more. */
  attach(tail: Uint8Array): void;
  /** So much waits for the peer to take it that nothing more should be answered now. */
  readonly full: boolean;
}

/** What a server does with the bytes of a stream. */
export interface StreamHandler {
  /**
   * Answers the whole requests at the front of `input` from `start` to `end` until none is left or `output` is full.
   * Gives how many bytes it took; the rest comes again, with more behind it. -1: nothing more on this stream can
   * have a meaning, it is to be closed.
   */
  receive(peer: Peer, input: Bytes, start: number, end: number, output: StreamOutput): number;
}

/** Which connections a server keeps. Its methods are told what happens and when, in monotonic milliseconds. */
export interface ConnectionKeeper {
  /** A connection was made; gives the one that has to go for it, if any. */
  opened(id: number, now: number): number | undefined;
  /** Its peer sent something, or took some of what it was sent. */
  moved(id: number, now: number): void;
  /** Answers wait for it (true), or no more (false). */
  waiting(id: number, waits: boolean, now: number): void;
  closed(id: number): void;
  /** The one whose answers have waited longest, if any wait. */
  mostStalled(): number | undefined;
  /** Those whose time is up. */
  overdue(now: number): number[];
}

/** A socket that a server of ours is to answer on. */
export type EndpointSpec =
  | { readonly netid: Exclude<NetId, 'local'>; readonly address: IpAddress; readonly port: Port }
  | { readonly netid: 'local'; readonly path: string };

export interface OpenEndpoint {
  readonly spec: EndpointSpec;
  /** Its file descriptor in this process. */
  readonly fd: number;
  /** What tells the file of a Unix socket from another one of its name. */
  readonly file?: string | undefined;
}

/** Why a socket could not be opened: the errno's name, and what kind of trouble it is. */
export type OpenFailure = {
  readonly errno: string;
  /** `taken`: somebody else has it; `denied`: not allowed; `absent`: this host has no such address or
   * family; `obstructed`: there is a file that is no socket.
   */
  readonly reason: 'taken' | 'denied' | 'absent' | 'obstructed' | 'other';
};

/** A process, as far as we may see it. */
export interface ProcessInfo {
  readonly pid: number;
  readonly name: string;
  readonly uid: number;
  /** The memory of it that is in RAM. */
  readonly rssBytes: number;
}

/** Opening sockets, and seeing who has them. */
export interface Sockets {
  /** Opens, binds and (for streams) listens; everything but success is a failure with its reason. */
  open(spec: EndpointSpec): OpenEndpoint | OpenFailure;
  /** Closes it; a Unix socket's file, if it is still ours, goes as well. */
  close(endpoint: OpenEndpoint): void;
  /** The processes that hold the port, or the path or abstract name; empty if none can be seen. */
  holders(what: { protocol: Protocol; port: Port } | { path: string }): ProcessInfo[];
}

/** A process that we started. */
export interface Child {
  readonly pid: number;
  /** Sends a line over the channel. */
  send(line: string): void;
  /** Closes the channel: the child's sign to end. */
  closeChannel(): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What to start. */
export interface ChildSpec {
  /** The program and its arguments. */
  readonly argv: readonly string[];
  /** Descriptors of ours that it gets, as 4, 5, …; 3 is its channel. */
  readonly fds: readonly number[];
  readonly onLine: (line: string) => void;
  readonly onEnd: (end: ChildEnd) => void;
}

/** The user who is to run a program of ours. */
export interface ProgramUser {
  readonly uid: number;
  readonly gid: number;
}

/** A file of ours that a user can run. */
export interface PreparedProgram {
  /** The file to be given to Node. */
  readonly entry: string;
  /** Node itself. */
  readonly node: string;
  /** Node as a descriptor, where the user may run it but not reach its path. */
  readonly nodeFd: number | undefined;
  /** Takes away what was made for it, when it has ended. */
  release(): void;
}

export interface Processes {
  /** Makes sure that a user can run a file of ours; `directory` is for copies, where he cannot read the original. */
  prepare(entry: string, user: ProgramUser, directory: string): PreparedProgram;
  start(spec: ChildSpec): Child;
  /** A process by its number, undefined if there is none. */
  info(pid: number): ProcessInfo | undefined;
  /** Holds on to a process; undefined if there is none. */
  hold(pid: number): HeldProcess | undefined;
}

/** A process that is looked at again: as long as there is anything to be seen, its number is no other process's. */
export interface HeldProcess {
  readonly pid: number;
  /** What it is now; undefined when it has ended and was waited for. */
  look(): HeldProcessInfo | undefined;
  close(): void;
}

/** What can be seen of a process that is held on to. */
export interface HeldProcessInfo {
  readonly parent: number;
  /** The real, the effective, the saved and the file system's uid (credentials(7)). */
  readonly uids: readonly number[];
  /** Its cgroup, from the root of the hierarchy on; undefined if it is in none of version 2. */
  readonly cgroup: string | undefined;
}

export interface Lock {
  release(): void;
}

/** Files as text, and files that are locks. */
export interface Files {
  /**
   * The text of a file, undefined if there is none. Throws PortreeveError `FILE_UNREADABLE` (environment) otherwise.
   */
  readText(path: string, maxBytes: number): string | undefined;
  /**
   * Its bytes. Throws PortreeveError `FILE_UNREADABLE` (environment), also for a directory, and `FILE_TOO_LARGE`
   * (usage).
   */
  readBytes(path: string, maxBytes: number): Uint8Array | undefined;
  /** What changes whenever the file does; undefined if there is none. */
  stamp(path: string): string | undefined;
  /** The names in a directory, sorted; none if there is no such directory. Throws `FILE_UNREADABLE` (environment). */
  names(directory: string): readonly string[];
  /** Takes the lock file, or tells who holds it: his pid, 0 if it is not known. */
  takeLock(path: string): Lock | { readonly heldBy: number };
}

/** The user database that the host uses (nsswitch.conf(5)): its files, and LDAP, SSSD and others behind them. */
export interface UserDatabase {
  /**
   * The entries for some keys, which are names or, as text, numbers: lines in the form of passwd(5) or group(5). A key
   * that has no entry, or whose entry cannot be had at present, has no line. Throws PortreeveError `USERS_SILENT`
   * (environment) where there is no answer within so many milliseconds, or none that counts.
   */
  entries(database: 'passwd' | 'group', keys: readonly string[], timeoutMs: number): Promise<string>;
}

/** An operating system. */
export interface Host {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly processes: Processes;
  readonly files: Files;
  /** The uid that we run as. */
  readonly uid: number;
}

/** What is at a path; a link is not followed. */
export type Present =
  | { readonly kind: 'nothing' | 'directory' | 'other' }
  | { readonly kind: 'file'; readonly text: string }
  | { readonly kind: 'link'; readonly target: string };
