// Memory shared with the kernel (mmap(2)): the values of a BPF map, or a ring buffer.
import koffi from 'koffi';
import { PortreeveError } from '../../../base/errors.ts';
import { errno, errnoName, sys } from './libc.ts';

/** <sys/mman.h> */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const FAILED = -1;

/** A mapping of a descriptor. Writes on either side are visible to the other at once. */
export class SharedMemory {
  readonly u8: Uint8Array;
  readonly view: DataView;
  readonly #address: number;
  readonly #buffer: ArrayBuffer;

  /**
   * Maps `bytes` bytes from an offset, which must be a multiple of the page size. Writing to memory mapped with 'read'
   * kills the process. Throws PortreeveError `MEMORY_NOT_MAPPED` (environment).
   */
  constructor(fd: number, bytes: number, access: 'read' | 'read and write', offset = 0) {
    const protection = access === 'read' ? PROT_READ : PROT_READ | PROT_WRITE;
    const address = sys.mmap(0, bytes, protection, MAP_SHARED, fd, offset);
    if (address === FAILED) {
      const name = errnoName(errno());
      const message = `cannot map ${bytes} bytes of a descriptor into memory: ${name}`;
      throw new PortreeveError('MEMORY_NOT_MAPPED', message, '', { errno: name, bytes });
    }
    this.#address = address;
    this.#buffer = koffi.view(BigInt(address), bytes);
    this.u8 = new Uint8Array(this.#buffer);
    this.view = new DataView(this.#buffer);
  }

  /** Unmaps the memory. All arrays over it become empty, so that none refers to unmapped memory. */
  close(): void {
    const bytes = this.#buffer.byteLength;
    if (bytes === 0) return;
    this.#buffer.transfer(0);
    sys.munmap(this.#address, bytes);
  }
}

/** The page size in bytes. Offsets and sizes of shared memory are multiples of it. */
export function pageBytes(): number {
  return sys.getpagesize();
}
