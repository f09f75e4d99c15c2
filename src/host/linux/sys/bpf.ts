// The bpf(2) system call: commands, their parameters, and errors.
import { PortreeveError } from '../../../base/errors.ts';
import { byteArray, Layout, type Shape, type Values } from '../../../base/layout.ts';
import { ERRNO, errno, errnoName, sys } from './libc.ts';
import { addressOf } from './memory.ts';
import { type Obstacle, ownObstacle } from './privilege.ts';

/** <asm/unistd.h>: the system call number of bpf(2). */
const BPF_CALL: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** <linux/bpf.h>: BPF_OBJ_NAME_LEN, including the terminating NUL. */
const NAME_BYTES = 16;

/** <linux/bpf.h>: enum bpf_cmd. */
export const COMMANDS = {
  MAP_CREATE: 0,
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  MAP_DELETE_ELEM: 3,
  MAP_GET_NEXT_KEY: 4,
  PROG_LOAD: 5,
  OBJ_PIN: 6,
  OBJ_GET: 7,
  PROG_GET_NEXT_ID: 11,
  MAP_GET_NEXT_ID: 12,
  PROG_GET_FD_BY_ID: 13,
  MAP_GET_FD_BY_ID: 14,
  OBJ_GET_INFO_BY_FD: 15,
  PROG_QUERY: 16,
  MAP_FREEZE: 22,
  MAP_UPDATE_BATCH: 26,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
  LINK_GET_FD_BY_ID: 30,
  LINK_GET_NEXT_ID: 31,
  LINK_DETACH: 34,
} as const;

/** A command without "BPF_". */
export type Command = keyof typeof COMMANDS;

/**
 * <linux/bpf.h>: the parts of union bpf_attr for each command, with the names of the header. Missing values are zero.
 */
export const MAP_CREATE = new Layout({
  map_type: 'u32',
  key_size: 'u32',
  value_size: 'u32',
  max_entries: 'u32',
  map_flags: 'u32',
  inner_map_fd: 'u32',
  numa_node: 'u32',
  map_name: byteArray(NAME_BYTES),
});

/** MAP_LOOKUP_ELEM, MAP_UPDATE_ELEM, MAP_DELETE_ELEM, MAP_FREEZE. For MAP_GET_NEXT_KEY, `value` receives the key. */
export const MAP_ELEMENT = new Layout({ map_fd: 'u32', key: 'u64', value: 'u64', flags: 'u64' });

/** MAP_UPDATE_BATCH: the structure `batch` of the union. */
export const MAP_BATCH = new Layout({
  in_batch: 'u64',
  out_batch: 'u64',
  keys: 'u64',
  values: 'u64',
  count: 'u32',
  map_fd: 'u32',
  elem_flags: 'u64',
  flags: 'u64',
});

export const PROG_LOAD = new Layout({
  prog_type: 'u32',
  insn_cnt: 'u32',
  insns: 'u64',
  license: 'u64',
  log_level: 'u32',
  log_size: 'u32',
  log_buf: 'u64',
  kern_version: 'u32',
  prog_flags: 'u32',
  prog_name: byteArray(NAME_BYTES),
  prog_ifindex: 'u32',
  expected_attach_type: 'u32',
});

/** OBJ_PIN and OBJ_GET. */
export const OBJECT_PATH = new Layout({ pathname: 'u64', bpf_fd: 'u32', file_flags: 'u32' });

/** PROG_, MAP_ and LINK_GET_NEXT_ID and …_GET_FD_BY_ID: the ID. GET_NEXT_ID writes the next one to `next_id`. */
export const OBJECT_ID = new Layout({ start_id: 'u32', next_id: 'u32', open_flags: 'u32' });

/** OBJ_GET_INFO_BY_FD: the structure `info` of the union. */
export const OBJECT_INFO = new Layout({ bpf_fd: 'u32', info_len: 'u32', info: 'u64' });

/** The structures `link_create`, `link_update` and `link_detach` of the union. */
export const LINK_CREATE = new Layout({ prog_fd: 'u32', target_fd: 'u32', attach_type: 'u32', flags: 'u32' });
export const LINK_UPDATE = new Layout({
  link_fd: 'u32',
  new_prog_fd: 'u32',
  flags: 'u32',
  old_prog_fd: 'u32',
});
export const LINK_DETACH = new Layout({ link_fd: 'u32' });

/** Memory whose address was passed to the call. It is kept alive until the call returns. */
const held: Uint8Array[] = [];

/** The address of bytes that the next call reads or writes. */
export function pointerTo(bytes: Uint8Array): bigint {
  held.push(bytes);
  return BigInt(addressOf(bytes));
}

/** The result of a call, or the negated errno, and the attributes that the kernel wrote back. */
interface Outcome<S extends Shape> {
  readonly result: number;
  readonly attributes: Values<S>;
}

/** Makes the call. The caller handles failures. */
export function tryBpf<S extends Shape>(
  command: Command,
  layout: Layout<S>,
  values: Partial<Values<S>>,
): Outcome<S> {
  const call = BPF_CALL[process.arch];
  if (call === undefined) {
    const message = `the system call number of bpf(2) is unknown for ${process.arch}`;
    throw new PortreeveError('BPF_UNKNOWN_MACHINE', message, 'Supported architectures: x64 and arm64.');
  }
  const attributes = layout.encode(values);
  const returned = sys.syscall(call, COMMANDS[command], addressOf(attributes), attributes.length);
  const result = returned < 0 ? -errno() : returned;
  held.length = 0;
  return { result, attributes: layout.read(new DataView(attributes.buffer)) };
}

/** Makes the call and returns its result. Throws PortreeveError `BPF_CALL` (environment) if it failed. */
export function bpf<S extends Shape>(
  command: Command,
  layout: Layout<S>,
  values: Partial<Values<S>>,
): number {
  const { result } = tryBpf(command, layout, values);
  if (result < 0) throw bpfError(command, -result);
  return result;
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSYS: 'This kernel is built without BPF (CONFIG_BPF_SYSCALL).',
  E2BIG: 'The map is full, or the kernel is too old for the request.',
};

const NO_OBSTACLE: Obstacle = { why: '', hint: '' };

/** The error of a failed command. `what` names the object. */
export function bpfError(command: Command, number: number, what = ''): PortreeveError {
  return bpfErrorIn(command, number, what, number === ERRNO['EPERM'] ? ownObstacle() : NO_OBSTACLE);
}

/** The same with a given reason for EPERM. */
export function bpfErrorIn(
  command: Command,
  number: number,
  what: string,
  obstacle: Obstacle,
): PortreeveError {
  const name = errnoName(number);
  const { why, hint } = name === 'EPERM' ? obstacle : { why: '', hint: HINTS[name] ?? '' };
  const message = `bpf(2) ${command} failed${what && ` on ${what}`}: ${name}${why && `: ${why}`}`;
  return new PortreeveError('BPF_CALL', message, hint, { command, errno: name });
}

/** Encodes a name. Throws PortreeveError `BPF_NAME` (bug) if the kernel would reject it. */
export function objectName(name: string): Uint8Array {
  // kernel/bpf/syscall.c: bpf_obj_name_cpy()
  if (/^[A-Za-z0-9_.]{0,15}$/.test(name)) return Buffer.from(name, 'latin1');
  const message = `"${name}" is not a name for a BPF program or map`;
  throw new PortreeveError('BPF_NAME', message, 'A name has up to 15 letters, digits, "_" and ".".', {
    name,
  });
}

/** The text before the first NUL. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}
