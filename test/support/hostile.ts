// A hostile user that tries to bind a port in every way, wherever a guard is in force.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type GuardDaemon, guardDaemon, makeNamespace } from './guard-daemon.ts';

const PROGRAM = join(import.meta.dirname, 'hostile.py');

/** Ways that name the port, as the functions of hostile.py. */
export const BY_NUMBER = [
  'plain',
  'plain_udp',
  'plain6',
  'plain_udp6',
  'unspecified',
  'unspecified_udp',
  'reuse_address',
  'reuse_port',
  'reuse_both_udp',
  'mapped',
  'mapped_any',
  'mapped_udp',
  'free_bind',
  'free_bind_udp',
  'mptcp',
  'mptcp6',
  'fast_open_server',
  'rebound',
  'rebound_udp',
  'duplicated',
  'user_namespace',
] as const;

/** Ways in which the kernel assigns the port, and the errno if the range of the socket has no port. */
export const BY_CHOICE = {
  assigned: 'EADDRINUSE',
  assigned6: 'EADDRINUSE',
  assigned_udp: 'EADDRINUSE',
  assigned_mptcp: 'EADDRINUSE',
  assigned_unspecified: 'EADDRINUSE',
  assigned_reuse: 'EADDRINUSE',
  listen: 'EADDRINUSE',
  listen6: 'EADDRINUSE',
  connect: 'EADDRNOTAVAIL',
  connect_late: 'EADDRNOTAVAIL',
  fast_open: 'EADDRNOTAVAIL',
  connect_udp: 'EAGAIN',
  send_udp: 'EAGAIN',
} as const;

/** The user that tries, and in which namespace. */
export interface Attacker {
  readonly uid: number;
  /** The file of a network namespace; that of the guard by default. */
  readonly path?: string | undefined;
}

/** A command line that an ordinary user runs without privileges, or root with all of them. */
export function asAttacker({ uid, path }: Attacker, argv: readonly string[]): string[] {
  const there = path === undefined ? [] : ['nsenter', `--net=${path}`];
  const user = uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  return [...there, ...user, ...argv];
}

/** The result of each way: the port that was bound, or the name of the errno. */
export async function attempts(
  { fixture }: Pick<GuardDaemon, 'fixture'>,
  attacker: Attacker,
  port: number,
  ways: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const argv = asAttacker(attacker, ['python3', PROGRAM, `${port}`, ...ways]);
  const { stdout, stderr } = await fixture.run(argv);
  assert.equal(stderr, '');
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
}

/** The same result in each way. */
export function each(ways: readonly string[], result: string | number): Record<string, string> {
  return Object.fromEntries(ways.map((way) => [way, `${result}`]));
}

/** The file of the named namespace on a fixture. */
export const NAMED = '/run/netns/web';

/** Where a guard is in force. */
export const PLACES = [
  { where: "the guard's own namespace", isWholeHost: true, path: undefined },
  { where: 'a named namespace', isWholeHost: true, path: NAMED },
  { where: 'the cgroup of a guard', isWholeHost: false, path: undefined },
] as const;
export type Place = (typeof PLACES)[number];

/** Users by their jobs, and their uids. */
export const [WEB, ALICE] = [1000, 1001];
const PASSWD = [
  'root:x:0:0::/:/bin/sh',
  `web:x:${WEB}:${WEB}::/:/bin/sh`,
  `alice:x:${ALICE}:${ALICE}::/:/bin/sh`,
  '',
].join('\n');

/** A place in which a profile is enforced; undefined if the machine does not support it and the test is skipped. */
export async function hostilePlace(
  t: TestContext,
  { isWholeHost, path }: Place,
  profile: string,
): Promise<GuardDaemon | undefined> {
  const at = await guardDaemon(t, profile, { isWholeHost });
  if (!at) return undefined;
  await at.fixture.sandbox.write('/etc/passwd', PASSWD);
  if (path !== undefined) {
    await makeNamespace(at, 'web');
    await at.settings('[guard]\nnamespaces = ["web"]\n');
  }
  const { code, stderr } = await at.guard('enforce');
  assert.deepEqual([code, stderr], [0, '']);
  return at;
}
