// Finds the processes that hold a port or a Unix socket: the socket's inode from the kernel's tables, its owners from
// /proc.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { PID_MAX, UID_MAX } from '../../base/limits.ts';
import { type Port, type Protocol, parseDecimal } from '../../base/port.ts';
import type { ProcessInfo } from '../host.ts';

/** The tables have ports as four hexadecimal digits. */
const PORT_HEX_DIGITS = 4;

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** <net/tcp_states.h>: TCP_LISTEN, and TCP_CLOSE for an unconnected UDP socket. */
const STATE_HOLDING: Readonly<Record<Protocol, string>> = { tcp: '0A', udp: '07' };

/** The inodes of sockets that hold a port (proc_pid_net(5): local address is field 2, state 4, inode 10). */
function portInodes(protocol: Protocol, port: Port): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(PORT_HEX_DIGITS, '0');
  const inodes = new Set<string>();
  for (const table of [`/proc/net/${protocol}`, `/proc/net/${protocol}6`]) {
    for (const line of linesOf(table)) {
      const fields = line.trim().split(/\s+/);
      const isHolding = fields[3] === STATE_HOLDING[protocol] && fields[1]?.split(':')[1] === wanted;
      if (isHolding && fields[9]) inodes.add(fields[9]);
    }
  }
  return inodes;
}

/** The inodes of Unix sockets with this path or "@" name (proc_pid_net(5): inode is field 7, path 8). */
function pathInodes(path: string): Set<string> {
  const inodes = new Set<string>();
  for (const line of linesOf('/proc/net/unix')) {
    const fields = line.trim().split(/\s+/);
    if (fields.slice(7).join(' ') === path && fields[6]) inodes.add(fields[6]);
  }
  return inodes;
}

function hasOpen(pid: string, inodes: ReadonlySet<string>): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((fd) => {
      const socket = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${fd}`));
      return socket?.[1] !== undefined && inodes.has(socket[1]);
    });
  } catch {
    // It has exited, or we have no permission to inspect it.
    return false;
  }
}

/** The name that Node and other runtimes give all their processes. */
const NO_NAME = 'MainThread';

/** The process name (proc_pid_comm(5)). If that is not specific, the name of its program. */
function processName(pid: number, comm: string): string {
  if (comm !== NO_NAME) return comm;
  const [program = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  return basename(program) || comm;
}

/** Undefined if there is no such process. */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? '';
    const number = (text: string) => parseDecimal(text.split(/\s/)[0] ?? '', UID_MAX) ?? 0;
    const name = processName(pid, field('Name'));
    return { pid, name, uid: number(field('Uid')), rssBytes: number(field('VmRSS')) * 1024 };
  } catch {
    return undefined;
  }
}

/** The processes that have one of these sockets open, if we have permission to see them. */
function processesWith(inodes: ReadonlySet<string>): ProcessInfo[] {
  if (inodes.size === 0) return [];
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => hasOpen(pid, inodes))
    .flatMap((pid) => processInfo(parseDecimal(pid, PID_MAX) ?? 0) ?? []);
}

/** The processes that hold a port or a Unix socket. Empty if none are visible. */
export function holders(what: { protocol: Protocol; port: Port } | { path: string }): ProcessInfo[] {
  return processesWith('path' in what ? pathInodes(what.path) : portInodes(what.protocol, what.port));
}
