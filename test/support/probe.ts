/**
 * Determines what a test can do on this host, so that a test that cannot run is skipped with a reason.
 *
 *     test('binds in a fresh namespace', (t) => {
 *       if (!needs(t, probe.root(), probe.netns())) return;
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Yes, or the reason why not: what is missing, or that it could not be determined. */
export type Probe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const YES: Probe = { ok: true };
const KERNEL_PROBE = join(import.meta.dirname, 'kernel-probe.ts');
const COMMAND_MS = 60_000;
/** Directories of system programs, which may be missing in the PATH of an ordinary user. */
const SYSTEM_DIRS = ['/usr/sbin', '/sbin'];

/** Returns whether all probes succeeded; if not, skips the test with the reasons. */
export function needs(t: { skip(reason: string): void }, ...probes: readonly Probe[]): boolean {
  const reasons = probes.flatMap((result) => (result.ok ? [] : [result.reason]));
  if (reasons.length > 0) t.skip(reasons.join('; '));
  return reasons.length === 0;
}

/** Each probe runs at most once per process. */
export const probe = {
  root: once(() => (process.getuid?.() === 0 ? YES : no('needs root (uid 0)'))),
  netns: once(() =>
    tried(['unshare', '--net', '--mount', 'true'], 'needs permission to create network and mount namespaces'),
  ),
  ipv6: once(loopback6),
  cc: once(() =>
    tried(
      ['cc', '-fsyntax-only', '-x', 'c', '-'],
      'needs a C compiler with libc headers',
      '#include <stdio.h>\n',
    ),
  ),
  bpfHeaders: once(() =>
    tried(
      ['cc', '-fsyntax-only', '-x', 'c', '-'],
      'needs the headers of Linux 6.0 or newer',
      '#include <linux/bpf.h>\nint newest = BPF_FUNC_set_retval;\n',
    ),
  ),
  bpf: once(() =>
    tried([process.execPath, KERNEL_PROBE, 'bpf'], 'needs permission to load BPF programs for cgroups'),
  ),
  cgroup2: once(() =>
    tried([process.execPath, KERNEL_PROBE, 'cgroup2'], 'needs permission to create v2 cgroups'),
  ),
  cgroupEvents: once(() =>
    tried(
      [process.execPath, KERNEL_PROBE, 'cgroup-events'],
      'needs the tracepoints cgroup_mkdir and cgroup_rmdir',
    ),
  ),
  namedHierarchies: once(() =>
    tried(
      ['unshare', '--mount', 'mount', '-t', 'cgroup', '-o', 'none,name=portreeve-probe', 'none', '/mnt'],
      'needs v1 cgroups',
    ),
  ),
  debianPackages: once(() => first(command('apt-get'), command('dpkg'))),
  command,
};

function command(name: string): Probe {
  const dirs = [...(process.env['PATH'] ?? '').split(':'), ...SYSTEM_DIRS];
  return dirs.some((dir) => dir !== '' && isExecutable(join(dir, name)))
    ? YES
    : no(`needs the command ${name}`);
}

/** Whether a socket can be bound to ::1. */
function loopback6(): Probe {
  try {
    const listed = readFileSync('/proc/net/if_inet6', 'utf8');
    return listed.includes(`${'0'.repeat(31)}1 `)
      ? YES
      : no('needs the address ::1 on the loopback interface');
  } catch (error) {
    if (isMissing(error)) return no('needs a kernel with IPv6');
    return no(`could not determine whether ::1 exists: ${String(error)}`);
  }
}

function tried([file = '', ...args]: readonly string[], need: string, input = ''): Probe {
  const { status, error, signal, stderr } = spawnSync(file, args, {
    input,
    timeout: COMMAND_MS,
    encoding: 'utf8',
  });
  if (status === 0) return YES;
  if (error !== undefined && isMissing(error)) return no(`${need}: no command ${file}`);
  if (error !== undefined) return no(`could not determine (${need}): ${error.message}`);
  if (signal !== null) return no(`could not determine (${need}): ${file} ended by ${signal}`);
  return no(`${need}: ${stderr.trim().split('\n')[0]}`);
}

function first(...probes: readonly Probe[]): Probe {
  return probes.find((result) => !result.ok) ?? YES;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function no(reason: string): Probe {
  return { ok: false, reason };
}

function once(ask: () => Probe): () => Probe {
  let answer: Probe | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}
