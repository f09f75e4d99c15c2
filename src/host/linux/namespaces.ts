// Other network namespaces: how to find and enter them.
import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { codeOf, messageOf, PortreeveError } from '../../base/errors.ts';
import { PID_MAX } from '../../base/limits.ts';
import { parseDecimal } from '../../base/port.ts';
import type { NetworkNamespace, NetworkNamespaces } from '../host.ts';
import { parseMountinfo } from './mountinfo.ts';
import { namespaceCookie } from './namespace.ts';
import { CLONE_NEWNET } from './sys/constants.ts';
import { errno, errnoName, sys } from './sys/libc.ts';

/** This thread's namespace. setns(2) changes only the calling thread. */
const HERE = '/proc/thread-self/ns/net';
/** <linux/proc_ns.h>: PROC_PID_INIT_INO. In any other PID namespace only some processes are visible. */
const ALL_PROCESSES = 'pid:[4026531836]';

export const linuxNamespaces: NetworkNamespaces = {
  cookieAt: (path) => within(path, (cookie) => cookie),
  within,

  visible: () => {
    const { places, isComplete } = placesByInode();
    const found = [...places.values()].map(namespaceAt);
    return {
      namespaces: found.flatMap((one) => (one === 'closed' ? [] : (one ?? []))),
      isComplete: isComplete && !found.includes('closed'),
    };
  },
};

function within<Result>(path: string, act: (cookie: bigint) => Result): Result | undefined {
  const there = openNamespace(path);
  if (there === undefined) return undefined;
  const here = openSync(HERE, constants.O_RDONLY);
  try {
    return actIn(there, here, path, act);
  } finally {
    closeSync(here);
    closeSync(there);
  }
}

/** The path may refer to anything. The open must not block. */
function openNamespace(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw closed(path, messageOf(thrown));
  }
}

/** ESRCH: the process has exited. */
function isGone(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH';
}

/** Enters the namespace on this thread and returns. Other threads remain in the previous namespace. */
function actIn<Result>(there: number, here: number, path: string, act: (cookie: bigint) => Result): Result {
  if (sys.setns(there, CLONE_NEWNET) < 0) {
    const name = errnoName(errno());
    throw name === 'EINVAL' ? invalid(path) : closed(path, name);
  }
  try {
    return act(namespaceCookie());
  } finally {
    // Otherwise all further operations would be in the other namespace.
    if (sys.setns(here, CLONE_NEWNET) < 0) process.abort();
  }
}

interface Place {
  readonly paths: Set<string>;
  pid: number | undefined;
}

/** Keyed by the name in the kernel: "net:[4026531840]". */
function placesByInode(): { readonly places: Map<string, Place>; readonly isComplete: boolean } {
  let isComplete = readlinkSync('/proc/self/ns/pid') === ALL_PROCESSES;
  const places = new Map<string, Place>();
  const placeOf = (name: string): Place => {
    const place = places.get(name) ?? { paths: new Set<string>(), pid: undefined };
    places.set(name, place);
    return place;
  };
  for (const { type, root, mountPoint } of parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'))) {
    if (type === 'nsfs' && root.startsWith('net:')) placeOf(root).paths.add(mountPoint);
  }
  for (const pid of processes()) {
    try {
      placeOf(readlinkSync(`/proc/${pid}/ns/net`)).pid ??= pid;
    } catch (thrown) {
      if (!isGone(thrown)) isComplete = false;
    }
  }
  return { places, isComplete };
}

/** In ascending order. */
function processes(): number[] {
  const pids = readdirSync('/proc').flatMap((name) => parseDecimal(name, PID_MAX) ?? []);
  return pids.sort((a, b) => a - b);
}

/** Undefined if it no longer exists. */
function namespaceAt({ paths, pid }: Place): NetworkNamespace | undefined | 'closed' {
  const [path = `/proc/${pid}/ns/net`] = paths;
  try {
    const cookie = linuxNamespaces.cookieAt(path);
    return cookie === undefined ? undefined : { cookie, paths: [...paths], pid };
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return 'closed';
    throw thrown;
  }
}

function invalid(path: string): PortreeveError {
  const hint = 'Create one with: ip netns add NAME';
  return new PortreeveError('NOT_A_NAMESPACE', `${path} is not a network namespace`, hint, {
    path,
  });
}

function closed(path: string, why: string): PortreeveError {
  const message = `the network namespace ${path} cannot be entered: ${why}`;
  return new PortreeveError('NAMESPACE_CLOSED', message, 'It requires CAP_SYS_ADMIN.', { path });
}
