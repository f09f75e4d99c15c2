// Files of a simulated host: contents by path, unreadable files, and locks.
import { PortreeveError } from '../../../src/base/errors.ts';
import type { Files, Lock } from '../../../src/host/host.ts';

export class SimFiles implements Files {
  readonly #contents: Map<string, Uint8Array>;
  readonly #unreadable = new Set<string>();
  readonly #locks = new Map<string, number>();
  readonly #pid: number;
  #writes = 0;
  readonly #stamps = new Map<string, string>();

  constructor(texts: Readonly<Record<string, string>>, pid: number) {
    this.#contents = new Map();
    this.#pid = pid;
    for (const [path, text] of Object.entries(texts)) this.write(path, text);
  }

  write(path: string, content: string | Uint8Array): void {
    this.#contents.set(path, typeof content === 'string' ? encode(content) : content);
    this.#stamps.set(path, `${++this.#writes}`);
  }

  /** Makes a file exist but unreadable. */
  forbid(path: string): void {
    this.#unreadable.add(path);
  }

  /** Takes a lock as another process. */
  lock(path: string, pid: number): void {
    this.#locks.set(path, pid);
  }

  readText(path: string, maxBytes: number): string | undefined {
    const bytes = this.readBytes(path, maxBytes);
    return bytes && new TextDecoder().decode(bytes);
  }

  readBytes(path: string, maxBytes: number): Uint8Array | undefined {
    if (this.#unreadable.has(path)) {
      throw new PortreeveError('FILE_UNREADABLE', `cannot read ${path}: permission denied`, '', {
        path,
      });
    }
    const bytes = this.#contents.get(path);
    if (bytes !== undefined && bytes.length > maxBytes) {
      throw new PortreeveError('FILE_TOO_LARGE', `${path} is larger than ${maxBytes} bytes`, '', {
        path,
      });
    }
    return bytes;
  }

  stamp(path: string): string | undefined {
    return this.#stamps.get(path);
  }

  names(directory: string): readonly string[] {
    const names = [...this.#contents.keys()].flatMap((path) =>
      path.startsWith(`${directory}/`) ? path.slice(directory.length + 1).split('/', 1) : [],
    );
    return [...new Set(names)].sort();
  }

  takeLock(path: string): Lock | { readonly heldBy: number } {
    const heldBy = this.#locks.get(path);
    if (heldBy !== undefined) return { heldBy };
    this.#locks.set(path, this.#pid);
    return { release: () => void this.#locks.delete(path) };
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
