// Extended attributes of an open file (xattr(7)).
import koffi from 'koffi';
import { errno, errnoName } from './libc.ts';
import { NativeBuffer } from './memory.ts';

const libc = koffi.load(null);
const fsetxattr = libc.func('int fsetxattr(int fd, str name, uintptr_t value, size_t size, int flags)');
const fgetxattr = libc.func('int64_t fgetxattr(int fd, str name, uintptr_t value, size_t size)');

/** Sets an attribute. Returns the errno name on failure. */
export function setAttribute(fd: number, name: string, value: Uint8Array): string | undefined {
  const buffer = new NativeBuffer(value.length);
  buffer.u8.set(value);
  return fsetxattr(fd, name, buffer.address, value.length, 0) === 0 ? undefined : errnoName(errno());
}

/** The value of an attribute. Undefined if there is none, or if it is longer than `maxBytes`. */
export function attributeOf(fd: number, name: string, maxBytes: number): Uint8Array | undefined {
  const buffer = new NativeBuffer(maxBytes);
  const length: number = fgetxattr(fd, name, buffer.address, maxBytes);
  return length < 0 ? undefined : buffer.u8.slice(0, length);
}
