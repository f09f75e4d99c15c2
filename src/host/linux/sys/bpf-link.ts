// BPF links. A program stays attached to a cgroup while its link is open or pinned.
import { Layout } from '../../../base/layout.ts';
import { bpf, bpfError, LINK_CREATE, LINK_DETACH, LINK_UPDATE, tryBpf } from './bpf.ts';
import { objectInfo } from './bpf-object.ts';
import { HOOKS, type Hook } from './bpf-program.ts';

/** <linux/bpf.h>: BPF_LINK_TYPE_CGROUP and BPF_F_REPLACE. */
const LINK_TYPE_CGROUP = 3;
const F_REPLACE = 1 << 2;

/**
 * Attaches a program to a cgroup in addition to those already attached. Returns the descriptor of the link. Throws
 * PortreeveError `BPF_CALL` (environment).
 */
export function attachProgram(programFd: number, cgroupFd: number, hook: Hook): number {
  const { result } = tryBpf('LINK_CREATE', LINK_CREATE, {
    prog_fd: programFd,
    target_fd: cgroupFd,
    attach_type: HOOKS[hook].attachType,
  });
  if (result < 0) throw bpfError('LINK_CREATE', -result, hook);
  return result;
}

/** <linux/bpf.h>: BPF_PERF_EVENT, the attach type of a link to a perf event. */
const PERF_EVENT = 41;

/**
 * Attaches a program to an event of perf_event_open(2). Returns the descriptor of the link, which keeps the event open.
 * Throws PortreeveError `BPF_CALL` (environment): EINVAL before Linux 5.15.
 */
export function attachToEvent(programFd: number, eventFd: number): number {
  return bpf('LINK_CREATE', LINK_CREATE, { prog_fd: programFd, target_fd: eventFd, attach_type: PERF_EVENT });
}

/**
 * Replaces the program of a link atomically: every bind is judged by the old or the new one. With `old`, only if that
 * is the current one (EPERM otherwise). Throws PortreeveError `BPF_CALL` (environment).
 */
export function updateLink(linkFd: number, programFd: number, old?: number): void {
  bpf('LINK_UPDATE', LINK_UPDATE, {
    link_fd: linkFd,
    new_prog_fd: programFd,
    flags: old === undefined ? 0 : F_REPLACE,
    old_prog_fd: old ?? 0,
  });
}

/**
 * Detaches the program from its cgroup at once, even if other processes have the link open. Throws PortreeveError
 * `BPF_CALL` (environment).
 */
export function detachLink(linkFd: number): void {
  bpf('LINK_DETACH', LINK_DETACH, { link_fd: linkFd });
}

/** <linux/bpf.h>: struct bpf_link_info of a link to a cgroup. */
export const LINK_INFO = new Layout({
  type: 'u32',
  id: 'u32',
  prog_id: 'u32',
  cgroup_id: 'u64',
  attach_type: 'u32',
});

/** The properties of a link, as the kernel reports them. */
interface LinkInfo {
  readonly id: number;
  readonly programId: number;
  /** Undefined if the link is not attached to a cgroup. */
  readonly cgroup: LinkedCgroup | undefined;
}

interface LinkedCgroup {
  /** 0 if the link was detached or the cgroup was removed. */
  readonly id: bigint;
  /** Undefined for a hook that we do not use. */
  readonly hook: Hook | undefined;
}

/** Throws PortreeveError `BPF_CALL` (environment). */
export function linkInfo(fd: number): LinkInfo {
  const info = objectInfo(fd, LINK_INFO);
  const hook = Object.entries(HOOKS).find(([, { attachType }]) => attachType === info.attach_type)?.[0];
  return {
    id: info.id,
    programId: info.prog_id,
    cgroup:
      info.type === LINK_TYPE_CGROUP ? { id: info.cgroup_id, hook: hook as Hook | undefined } : undefined,
  };
}
