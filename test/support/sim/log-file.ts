// Log files of a simulated process, with a disk that can be full and a process that can be killed during a write.
import type { LogFile } from '../../../src/host/host.ts';

/** Thrown when the writing process is killed. What it wrote before is on the disk. */
export class SimKilled extends Error {
  constructor() {
    super('the process was killed');
  }
}

/** A disk with several files. */
export class SimDisk {
  /** The total size of all files. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** The process is killed after writing this many bytes. After that it cannot modify its files. */
  killAfterBytes = Number.POSITIVE_INFINITY;
  readonly #files: SimLogFile[] = [];

  /** Creates a file with these bytes. */
  file(bytes: Uint8Array = new Uint8Array(0)): SimLogFile {
    const file = new SimLogFile(this, bytes);
    this.#files.push(file);
    return file;
  }

  get usedBytes(): number {
    return this.#files.reduce((sum, { length }) => sum + length, 0);
  }

  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }
}

export class SimLogFile implements LogFile {
  readonly #disk: SimDisk;
  #bytes: Uint8Array;
  #length: number;

  constructor(disk: SimDisk, bytes: Uint8Array) {
    this.#disk = disk;
    this.#bytes = bytes.slice();
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  read(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Like write(2): on a full disk, the first part is written. */
  write(bytes: Uint8Array, at: number): string | undefined {
    const fits = Math.max(0, Math.min(bytes.length, this.#length + this.#disk.freeBytes - at));
    const written = Math.min(fits, this.#disk.killAfterBytes);
    this.#put(bytes.subarray(0, written), at);
    const isKilled = this.#disk.killAfterBytes <= fits;
    this.#disk.killAfterBytes -= written;
    if (isKilled) throw new SimKilled();
    return written < bytes.length ? 'ENOSPC' : undefined;
  }

  truncate(length: number): void {
    if (this.#disk.killAfterBytes <= 0) throw new SimKilled();
    this.#reserve(length);
    if (length > this.#length) this.#bytes.fill(0, this.#length, length);
    this.#length = length;
  }

  /** A gap between the end and `at` reads as zeros. */
  #put(bytes: Uint8Array, at: number): void {
    if (bytes.length === 0) return;
    const end = at + bytes.length;
    this.#reserve(end);
    if (at > this.#length) this.#bytes.fill(0, this.#length, at);
    this.#bytes.set(bytes, at);
    this.#length = Math.max(this.#length, end);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
