// Runs one of our programs in a new network namespace, which the kernel removes when the program exits.
import { spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** The namespace of the reading process (namespaces(7)): it reads "net:[4026531840]". */
const OWN_NAMESPACE = '/proc/self/ns/net';
/** The timeout of the trial run. */
const TRY_MS = 10_000;

interface OwnNetworkProgram {
  /** The program must call enterOwnNetwork() with the argument that is appended. */
  readonly argv: readonly string[];
  /** The program is killed after this time. */
  readonly maxMs: number;
  readonly onOutput: (text: string) => void;
  readonly onError: (text: string) => void;
}

/**
 * Runs a program in a new network namespace. Returns its exit status, or 128 plus the signal that killed it (bash(1)).
 * The program is killed when this process exits for any reason. Throws PortreeveError `NAMESPACE_DENIED` (environment)
 * if a namespace cannot be created.
 */
export async function runInOwnNetwork({
  argv,
  maxMs,
  onOutput,
  onError,
}: OwnNetworkProgram): Promise<number> {
  const [command = '', ...flags] = unshareArguments();
  const child = spawn(command, [...flags, 'setpriv', '--pdeathsig', 'KILL', ...argv, currentNetwork()], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: maxMs,
    killSignal: 'SIGKILL',
  });
  child.stdout.setEncoding('utf8').on('data', onOutput);
  child.stderr.setEncoding('utf8').on('data', onError);
  return await new Promise((resolve, reject) => {
    child.on('error', (error) => reject(denied(error.message)));
    child.on('close', (code, signal) => resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0)));
  });
}

const SIGNALS: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** How unshare(1) can create a namespace here: as root, or in a user namespace in which this user is root. */
function unshareArguments(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const argv = ['unshare', ...user, '--net', '--'];
  const [command = '', ...flags] = argv;
  const { status, error, stderr } = spawnSync(command, [...flags, 'setpriv', '--pdeathsig', 'KILL', 'true'], {
    timeout: TRY_MS,
    encoding: 'utf8',
  });
  if (status === 0) return argv;
  throw denied(error?.message ?? stderr.trim().split('\n')[0] ?? '');
}

function denied(why: string): PortreeveError {
  const hint =
    'Run it as root. Without root it requires user namespaces (user_namespaces(7)) and util-linux.';
  const message = `cannot create a network namespace: ${why}`;
  return new PortreeveError('NAMESPACE_DENIED', message, hint);
}

/** Identifies the network namespace of this process. */
function currentNetwork(): string {
  return readlinkSync(OWN_NAMESPACE);
}

/**
 * Prepares the new namespace: brings the loopback interface up. `starter` is the namespace of the process that started
 * the program. Throws PortreeveError `NAMESPACE_FOREIGN` (bug), before any change, if this process is still in that
 * one.
 */
export function enterOwnNetwork(starter: string | undefined): void {
  if (starter === undefined || starter === '' || starter === currentNetwork()) {
    const message = 'the program was started in the network namespace of its parent; nothing was changed';
    throw new PortreeveError('NAMESPACE_FOREIGN', message);
  }
  bringUp('lo');
}

/** <linux/sockios.h>, <linux/if.h>: struct ifreq is a name of 16 bytes, followed by the flags. */
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFREQ_BYTES = 40;
const FLAGS_AT = 16;
const IFF_UP = 1;

function bringUp(name: string): void {
  const fd = sys.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(fd, 'socket');
  try {
    const request = new NativeBuffer(IFREQ_BYTES);
    request.u8.set(new TextEncoder().encode(name));
    must(sys.ioctl(fd, SIOCGIFFLAGS, request.address), 'SIOCGIFFLAGS');
    request.view.setUint16(FLAGS_AT, request.view.getUint16(FLAGS_AT, true) | IFF_UP, true);
    must(sys.ioctl(fd, SIOCSIFFLAGS, request.address), 'SIOCSIFFLAGS');
  } finally {
    sys.close(fd);
  }
}
