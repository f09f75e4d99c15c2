// Operations common to BPF programs, maps and links: IDs, information, and pins in bpffs.
import { existsSync } from 'node:fs';
import type { Layout, Shape, Values } from '../../../base/layout.ts';
import {
  bpf,
  bpfError,
  type Command,
  OBJECT_ID,
  OBJECT_INFO,
  OBJECT_PATH,
  pointerTo,
  tryBpf,
} from './bpf.ts';
import { ERRNO } from './libc.ts';

/** Each kind has separate IDs, from 1. */
export type ObjectKind = 'program' | 'map' | 'link';

const FD_BY_ID: Readonly<Record<ObjectKind, Command>> = {
  program: 'PROG_GET_FD_BY_ID',
  map: 'MAP_GET_FD_BY_ID',
  link: 'LINK_GET_FD_BY_ID',
};

/** Opens an object by ID. Undefined if there is none. Throws PortreeveError `BPF_CALL` (environment). */
export function openObject(kind: ObjectKind, id: number): number | undefined {
  const { result } = tryBpf(FD_BY_ID[kind], OBJECT_ID, { start_id: id });
  if (-result === ERRNO['ENOENT']) return undefined;
  if (result < 0) throw bpfError(FD_BY_ID[kind], -result, `${kind} ${id}`);
  return result;
}

/**
 * The kernel's information about an object, up to the size of `layout`. Throws PortreeveError `BPF_CALL` (environment).
 */
export function objectInfo<S extends Shape>(
  fd: number,
  layout: Layout<S>,
  initial?: Partial<Values<S>>,
): Values<S> {
  const info = layout.encode(initial ?? {});
  bpf('OBJ_GET_INFO_BY_FD', OBJECT_INFO, { bpf_fd: fd, info_len: info.length, info: pointerTo(info) });
  return layout.read(new DataView(info.buffer));
}

const pathBytes = (path: string): Uint8Array => new TextEncoder().encode(`${path}\0`);

/**
 * Pins an object in bpffs, so that it outlives all processes that have it open. Throws PortreeveError `BPF_CALL`
 * (environment): EEXIST if the path exists, EPERM if it is not in bpffs.
 */
export function pinObject(fd: number, path: string): void {
  const values = { pathname: pointerTo(pathBytes(path)), bpf_fd: fd };
  const { result } = tryBpf('OBJ_PIN', OBJECT_PATH, values);
  if (result < 0) throw bpfError('OBJ_PIN', -result, path);
}

/** Opens a pinned object. Undefined if there is none. Throws PortreeveError `BPF_CALL` (environment). */
export function openPinned(path: string): number | undefined {
  // OBJ_GET would require privileges, and fail on a kernel without BPF, even if the path does not exist.
  if (!existsSync(path)) return undefined;
  const { result } = tryBpf('OBJ_GET', OBJECT_PATH, { pathname: pointerTo(pathBytes(path)) });
  if (-result === ERRNO['ENOENT']) return undefined;
  if (result < 0) throw bpfError('OBJ_GET', -result, path);
  return result;
}
