// A file accessed only through its descriptor, so that a process that cannot open files can keep a log.
import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { LOG_MAX_BYTES } from '../../base/limits.ts';
import type { LogFile } from '../host.ts';
import { ERRNO, errno, errnoName, sys } from './sys/libc.ts';
import { addressOf } from './sys/memory.ts';

export class DescriptorFile implements LogFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  read(): Uint8Array {
    const size = Math.min(fstatSync(this.#fd).size, LOG_MAX_BYTES);
    const bytes = new Uint8Array(size);
    let length = 0;
    while (length < size) {
      const count = readSync(this.#fd, bytes, length, size - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  }

  write(bytes: Uint8Array, at: number): string | undefined {
    const address = addressOf(bytes);
    let written = 0;
    while (written < bytes.length) {
      const count = sys.pwrite(this.#fd, address + written, bytes.length - written, at + written);
      if (count >= 0) written += count;
      else if (errno() !== ERRNO['EINTR']) return errnoName(errno());
    }
    return undefined;
  }

  truncate(length: number): void {
    ftruncateSync(this.#fd, length);
  }
}
