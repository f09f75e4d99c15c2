// A program of ours in a network namespace of its own, which is made for it and is gone when it has ended.
import { spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { PortreeveError } from '../../base/errors.ts';
import { AF_INET, SOCK_CLOEXEC, SOCK_DGRAM } from './sys/constants.ts';
import { must } from './sys/epoll.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** The namespace of whoever looks (namespaces(7)): it reads "net:[4026531840]". */
const OWN_NAMESPACE = '/proc/self/ns/net';
/** How long unshare(1) may take. */
const TRY_MS = 10_000;

/** What is to be started, and who hears what it says. */
interface OwnNetworkProgram {
  /** It is to call enterOwnNetwork() with the argument that is added to these. */
  readonly argv: readonly string[];
  /** After so long it is killed. */
  readonly maxMs: number;
  readonly onOutput: (text: string) => void;
  readonly onError: (text: string) => void;
}

/**
 * Runs a program in a network namespace that nobody else is in, and gives its exit code; 128 and more where a signal
 * ended it (bash(1)). It is killed when this process ends, however that comes, and the kernel then takes the namespace
 * away with all that was in it. Throws PortreeveError `NAMESPACE_DENIED` (environment) where none can be made.
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

/** How unshare(1) makes one here: as root, else in a user namespace in which this user is root. */
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
  const hint = 'Run it as root. Without root it takes user namespaces (user_namespaces(7)) and util-linux.';
  const message = `no network namespace can be made: ${why}`;
  return new PortreeveError('NAMESPACE_DENIED', message, hint);
}

/** What tells the network namespace of this process from others. */
function currentNetwork(): string {
  return readlinkSync(OWN_NAMESPACE);
}

/**
 * Makes a program at home in the namespace that was made for it: brings the loopback interface up. `starter` is the
 * namespace of whoever started it. Throws PortreeveError `NAMESPACE_FOREIGN` (bug) if that is the one it is in: then
 * nothing was touched.
 */
export function enterOwnNetwork(starter: string | undefined): void {
  if (starter === undefined || starter === '' || starter === currentNetwork()) {
    const message = 'this is the network of whoever started the program: nothing was done';
    throw new PortreeveError('NAMESPACE_FOREIGN', message);
  }
  bringUp('lo');
}

/** <linux/sockios.h>, <linux/if.h>: struct ifreq has a name of 16 bytes, and the flags behind it. */
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
