// Starting a process of ours with open descriptors and a channel, and hearing of its end.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { PortreeveError } from '../../base/errors.ts';
import type { Child, ChildSpec } from '../host.ts';
import { CHANNEL_FD } from './channel.ts';

/** Starts a process: 0 and 1 are /dev/null, 2 is ours, 3 the channel, then the descriptors that it gets. */
export function startProcess(spec: ChildSpec): Child {
  const [program = '', ...args] = spec.argv;
  // A session of its own: what a terminal sends to us (SIGINT) is for us to pass on in our way.
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe', ...spec.fds],
    detached: true,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  const channel = channelOf(child.stdio);
  channel.on('error', () => undefined); // Its end is told by `exit`.
  // readline passes an error of its input on: a child that died with unread lines must not take us along.
  const lines = createInterface({ input: channel });
  lines.on('line', spec.onLine).on('error', () => undefined);
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

/** The channel is a socket pair, which Node gives as a stream that can be read and written. */
function channelOf(stdio: readonly unknown[]): Duplex {
  const channel = stdio[CHANNEL_FD];
  if (isDuplex(channel)) return channel;
  throw new PortreeveError('bug', 'NO_CHANNEL', 'the child has no channel');
}

function isDuplex(value: unknown): value is Duplex {
  return typeof value === 'object' && value !== null && 'write' in value && 'read' in value;
}
