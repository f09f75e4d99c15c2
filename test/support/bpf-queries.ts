/** Queries the kernel's BPF objects, and the programs of a cgroup. */

import { Layout } from '../../src/base/layout.ts';
import { bpfError, type Command, OBJECT_ID, pointerTo, tryBpf } from '../../src/host/linux/sys/bpf.ts';
import type { ObjectKind } from '../../src/host/linux/sys/bpf-object.ts';
import { HOOKS, type Hook } from '../../src/host/linux/sys/bpf-program.ts';
import { ERRNO } from '../../src/host/linux/sys/libc.ts';

/** PROG_QUERY: the structure `query` of the union. */
export const PROG_QUERY = new Layout({
  target_fd: 'u32',
  attach_type: 'u32',
  query_flags: 'u32',
  attach_flags: 'u32',
  prog_ids: 'u64',
  prog_cnt: 'u32',
});

const NEXT_ID: Readonly<Record<ObjectKind, Command>> = {
  program: 'PROG_GET_NEXT_ID',
  map: 'MAP_GET_NEXT_ID',
  link: 'LINK_GET_NEXT_ID',
};

/**
 * The ids of all objects of a kind in the kernel. Throws PortreeveError `BPF_CALL` (environment) where the query is not
 * permitted.
 */
export function* objectIds(kind: ObjectKind): Generator<number> {
  for (let start = 0; ; ) {
    const { result, attributes } = tryBpf(NEXT_ID[kind], OBJECT_ID, { start_id: start });
    if (-result === ERRNO['ENOENT']) return;
    if (result < 0) throw bpfError(NEXT_ID[kind], -result);
    start = attributes.next_id;
    yield start;
  }
}

/** <linux/bpf.h>: BPF_F_QUERY_EFFECTIVE */
const QUERY_EFFECTIVE = 1 << 0;
/** The maximum number of programs in one query; a cgroup itself has at most 64 at a hook. */
const QUERY_PROGRAMS = 64;

/**
 * The ids of the programs at a hook of a cgroup, in the order in which they run: its own or, with `effective`, also
 * those of its ancestors. Throws PortreeveError `BPF_CALL` (environment).
 */
export function attachedPrograms(cgroupFd: number, hook: Hook, scope: 'own' | 'effective' = 'own'): number[] {
  for (let room = QUERY_PROGRAMS; ; ) {
    const ids = new Uint32Array(room);
    const { result, attributes } = tryBpf('PROG_QUERY', PROG_QUERY, {
      target_fd: cgroupFd,
      attach_type: HOOKS[hook].attachType,
      query_flags: scope === 'effective' ? QUERY_EFFECTIVE : 0,
      prog_ids: pointerTo(new Uint8Array(ids.buffer)),
      prog_cnt: room,
    });
    if (result >= 0) return [...ids.subarray(0, attributes.prog_cnt)];
    if (-result !== ERRNO['ENOSPC']) throw bpfError('PROG_QUERY', -result, hook);
    room = Math.max(attributes.prog_cnt, room * 2);
  }
}
