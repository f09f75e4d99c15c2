// Starts child processes with inherited descriptors and a channel.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { PortreeveError } from '../../base/errors.ts';
import { CHANNEL_LINE_MAX_BYTES } from '../../base/limits.ts';
import type { Child, ChildSpec } from '../host.ts';
import { CHANNEL_FD } from './channel.ts';
import { sys } from './sys/libc.ts';

/**
 * <asm-generic/unistd.h>, <linux/close_range.h>: the system call number of close_range(2), the last descriptor, a flag.
 */
const CLOSE_RANGE_CALL = 436;
const DESCRIPTOR_MAX = 0xffff_ffff;
const CLOSE_RANGE_CLOEXEC = 4;

/** Starts a process: 0 and 1 are /dev/null, 2 is inherited, 3 is the channel, followed by the given descriptors. */
export function startProcess(spec: ChildSpec): Child {
  const [program = '', ...args] = spec.argv;
  keepInherited();
  // A separate session: signals from the terminal (SIGINT) reach only this process, which decides what to do.
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', ...spec.fds],
    detached: true,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const channel = channelOf(child.stdio);
  channel.on('error', () => undefined); // `exit` reports its end.
  readLines(channel, spec.onLine, () => void child.kill('SIGKILL'));
  child.on('error', (error) => {
    process.stderr.write(`cannot start ${program}: ${error.message}\n`);
    if (child.pid === undefined) spec.onEnd({ code: 127, signal: null });
  });
  child.on('exit', (code, signal) => spec.onEnd({ code, signal }));
  return {
    pid: child.pid ?? 0,
    send: (line) => void channel.write(`${line}\n`),
    closeChannel: () => channel.destroy(),
    kill: (signal) => void child.kill(signal),
  };
}

/**
 * Marks descriptors that this process inherited as close-on-exec. Node does so for those that it opens, and for the
 * lowest inherited ones. Kernels before 5.11 do not support the flag: there, inherited descriptors are passed on.
 */
function keepInherited(): void {
  sys.syscall(CLOSE_RANGE_CALL, CHANNEL_FD, DESCRIPTOR_MAX, CLOSE_RANGE_CLOEXEC);
}

/** Calls `onLine` with each complete line. A line above the limit ends the child. */
function readLines(channel: Duplex, onLine: (line: string) => void, onTooLong: () => void): void {
  const decoder = new TextDecoder();
  let rest = '';
  channel.on('data', (chunk: Uint8Array) => {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
    if (rest.length <= CHANNEL_LINE_MAX_BYTES) return;
    rest = '';
    onTooLong();
  });
}

/** The channel is a socket pair, which Node returns as a duplex stream. */
function channelOf(stdio: readonly unknown[]): Duplex {
  const channel = stdio[CHANNEL_FD];
  if (isDuplex(channel)) return channel;
  throw new PortreeveError('NO_CHANNEL', 'the child has no channel');
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'read' in value;
}
