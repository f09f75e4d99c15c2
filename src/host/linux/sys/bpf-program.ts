// Loads BPF programs through the kernel's verifier, and reads the properties of loaded ones.
import { PortreeveError } from '../../../base/errors.ts';
import { byteArray, Layout } from '../../../base/layout.ts';
import { bpfError, cString, objectName, PROG_LOAD, pointerTo, tryBpf } from './bpf.ts';
import { objectInfo } from './bpf-object.ts';
import { ERRNO, errnoName } from './libc.ts';

/** <linux/bpf.h>: BPF_PROG_TYPE_CGROUP_SOCK, BPF_PROG_TYPE_SOCK_OPS, BPF_PROG_TYPE_CGROUP_SOCK_ADDR. */
const CGROUP_SOCK = 9;
const SOCK_OPS = 13;
const CGROUP_SOCK_ADDR = 18;

/**
 * <linux/bpf.h>: cgroup hooks (enum bpf_attach_type) and their program types (enum bpf_prog_type). The names are the
 * section names of libbpf without "cgroup/".
 */
export const HOOKS = {
  sock_create: { attachType: 2, programType: CGROUP_SOCK },
  sockops: { attachType: 3, programType: SOCK_OPS },
  bind4: { attachType: 8, programType: CGROUP_SOCK_ADDR },
  bind6: { attachType: 9, programType: CGROUP_SOCK_ADDR },
  connect4: { attachType: 10, programType: CGROUP_SOCK_ADDR },
  connect6: { attachType: 11, programType: CGROUP_SOCK_ADDR },
  post_bind4: { attachType: 12, programType: CGROUP_SOCK },
  post_bind6: { attachType: 13, programType: CGROUP_SOCK },
  sock_release: { attachType: 34, programType: CGROUP_SOCK },
} as const;

export type Hook = keyof typeof HOOKS;

/** <linux/bpf.h>: BPF_PROG_TYPE_TRACEPOINT, which has no attach type. */
const TRACEPOINT = { attachType: 0, programType: 5 };

interface ProgramSpec {
  /** Up to 15 letters, digits, "_" and ".". */
  readonly name: string;
  /** Undefined for a tracepoint. */
  readonly hook: Hook | undefined;
  /** From encode() in bpf/program.ts. */
  readonly instructions: Uint8Array;
}

/**
 * The license of portreeve. The kernel treats it as not GPL-compatible, which is sufficient for the helpers of cgroup
 * programs. Tracepoint programs need GPL-only helpers and are dual-licensed (guard/bpf/units.ts).
 */
const LICENSE = new TextEncoder().encode('Apache-2.0\0');
const DUAL_LICENSE = new TextEncoder().encode('Dual MIT/GPL\0');

const INSTRUCTION_BYTES = 8;
/** The sizes of the verifier's log: first enough for most programs, then the maximum that every kernel accepts. */
const LOG_BYTES = [64 * 1024, 16 * 1024 * 1024 - 1];
/** <linux/bpf.h>: BPF_LOG_LEVEL1: each processed instruction with register states. */
const LOG_LEVEL = 1;

/** The maximum number of attempts: a signal interrupts the verifier with EAGAIN (kernel/bpf/verifier.c). */
const ATTEMPTS = 5;

function tryLoad(spec: ProgramSpec, log?: Uint8Array): number {
  let result = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    result = loadOnce(spec, log);
    if (-result !== ERRNO['EAGAIN']) break;
  }
  return result;
}

function loadOnce(spec: ProgramSpec, log?: Uint8Array): number {
  const { programType, attachType } = spec.hook ? HOOKS[spec.hook] : TRACEPOINT;
  return tryBpf('PROG_LOAD', PROG_LOAD, {
    prog_type: programType,
    insn_cnt: spec.instructions.length / INSTRUCTION_BYTES,
    insns: pointerTo(spec.instructions),
    license: pointerTo(spec.hook ? LICENSE : DUAL_LICENSE),
    prog_name: objectName(spec.name),
    expected_attach_type: attachType,
    ...(log && { log_level: LOG_LEVEL, log_size: log.length, log_buf: pointerTo(log) }),
  }).result;
}

/** The verifier's log for a rejected program, and the errno. */
function refusal(spec: ProgramSpec): { readonly log: string; readonly result: number } {
  let log = new Uint8Array(0);
  let result = 0;
  for (const bytes of LOG_BYTES) {
    log = new Uint8Array(bytes);
    result = tryLoad(spec, log);
    if (-result !== ERRNO['ENOSPC']) break;
  }
  return { log: cString(log), result };
}

function refused(spec: ProgramSpec, number: number, log: string): PortreeveError {
  const errno = errnoName(number);
  const message = `the kernel rejected the BPF program ${spec.name}: ${errno}`;
  const hint = 'The kernel may be too old. The complete verifier log: portreeve guard enforce --verbose';
  const data = { program: spec.name, hook: spec.hook ?? 'tracepoint', errno, log };
  return new PortreeveError('BPF_PROGRAM_REFUSED', message, hint, data);
}

/**
 * Loads a program and returns its descriptor. The caller must close it. Throws PortreeveError (environment): `BPF_CALL`
 * if no program can be loaded, `BPF_PROGRAM_REFUSED` if the verifier rejected it. `data.log` is then the verifier's
 * log, for verifierSummary() in bpf/verifier-log.ts.
 */
export function loadProgram(spec: ProgramSpec): number {
  const fd = tryLoad(spec);
  if (fd >= 0) return fd;
  // Request the log only now: it is the most expensive part.
  const { log, result } = refusal(spec);
  if (result >= 0) return result;
  if (log === '') throw bpfError('PROG_LOAD', -result, `program ${spec.name}`);
  throw refused(spec, -result, log);
}

const TAG_BYTES = 8;

/**
 * The tags that kernels compute from the result of taggedBytes() in bpf/program.ts: SHA-1 until Linux 6.17, SHA-256
 * since (bpf_prog_calc_tag() in kernel/bpf/core.c).
 */
export function programTags(tagged: Uint8Array): readonly string[] {
  // The module takes long to load.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return ['sha1', 'sha256'].map((hash) =>
    createHash(hash).update(tagged).digest().subarray(0, TAG_BYTES).toString('hex'),
  );
}

/** <linux/bpf.h>: struct bpf_prog_info, the fields that we use. */
export const PROGRAM_INFO = new Layout({
  type: 'u32',
  id: 'u32',
  tag: byteArray(8),
  jited_prog_len: 'u32',
  xlated_prog_len: 'u32',
  jited_prog_insns: 'u64',
  xlated_prog_insns: 'u64',
  load_time: 'u64',
  created_by_uid: 'u32',
  nr_map_ids: 'u32',
  map_ids: 'u64',
  name: byteArray(16),
  ifindex: 'u32',
  gpl_compatible: 'u32',
  netns_dev: 'u64',
  netns_ino: 'u64',
  nr_jited_ksyms: 'u32',
  nr_jited_func_lens: 'u32',
  jited_ksyms: 'u64',
  jited_func_lens: 'u64',
  btf_id: 'u32',
  func_info_rec_size: 'u32',
  func_info: 'u64',
  nr_func_info: 'u32',
  nr_line_info: 'u32',
  line_info: 'u64',
  jited_line_info: 'u64',
  nr_jited_line_info: 'u32',
  line_info_rec_size: 'u32',
  jited_line_info_rec_size: 'u32',
  nr_prog_tags: 'u32',
  prog_tags: 'u64',
  run_time_ns: 'u64',
  run_cnt: 'u64',
});

/** The properties of a program, as the kernel reports them. */
interface ProgramInfo {
  readonly id: number;
  readonly name: string;
  /** enum bpf_prog_type */
  readonly type: number;
  /** A hash of the instructions without map descriptors, 16 hexadecimal digits: equal for equal programs. */
  readonly tag: string;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly loadTime: bigint;
  readonly createdByUid: number;
  /** The size in bytes after the verifier's changes. */
  readonly translatedBytes: number;
  /** The IDs of the maps that it uses. */
  readonly mapIds: readonly number[];
  /** Number of runs and total time in nanoseconds. 0 unless kernel.bpf_stats_enabled is set. */
  readonly runCount: bigint;
  readonly runTimeNs: bigint;
}

/** Throws PortreeveError `BPF_CALL` (environment). */
export function programInfo(fd: number): ProgramInfo {
  const { nr_map_ids: count } = objectInfo(fd, PROGRAM_INFO);
  const ids = new Uint32Array(count);
  const info = objectInfo(fd, PROGRAM_INFO, {
    nr_map_ids: count,
    map_ids: count === 0 ? 0n : pointerTo(new Uint8Array(ids.buffer)),
  });
  return {
    id: info.id,
    name: cString(info.name),
    type: info.type,
    tag: Buffer.from(info.tag).toString('hex'),
    loadTime: info.load_time,
    createdByUid: info.created_by_uid,
    translatedBytes: info.xlated_prog_len,
    mapIds: [...ids],
    runCount: info.run_cnt,
    runTimeNs: info.run_time_ns,
  };
}
