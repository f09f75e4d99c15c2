// Memory that is shared with the kernel (mmap(2)): the values of a BPF map, a ring buffer.
import koffi from 'koffi';
import { PortreeveError } from '../../../base/errors.ts';
import { errno, errnoName, sys } from './libc.ts';

/** <sys/mman.h> */
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const FAILED = -1;

/** Memory of a descriptor; what is written there, the kernel sees at once, and the other way round. */
export class SharedMemory {
  readonly u8: Uint8Array;
  readonly view: DataView;
  readonly #address: number;
  readonly #buffer: ArrayBuffer;

  /**
   * Maps so many bytes of a descriptor from an offset, a multiple of the page size. Writing to memory that was mapped
   * with 'read' ends the process. Throws PortreeveError `MEMORY_NOT_MAPPED` (environment).
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

  /** Gives the memory back. Every array over it has no elements afterwards, so that none reaches what is there then. */
  close(): void {
    const bytes = this.#buffer.byteLength;
    if (bytes === 0) return;
    this.#buffer.transfer(0);
    sys.munmap(this.#address, bytes);
  }
}

/** The size of a page in bytes, of which offsets and sizes of shared memory are multiples. */
export function pageBytes(): number {
  return sys.getpagesize();
}
