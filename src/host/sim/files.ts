// Files of a simulated host: texts by path, some of them unreadable, and locks.
import { PortreeveError } from '../../base/errors.ts';
import type { Files, Lock } from '../host.ts';

/** Texts and locks in memory. */
export class SimFiles implements Files {
  readonly #texts: Map<string, string>;
  readonly #unreadable = new Set<string>();
  readonly #locks = new Map<string, number>();
  readonly #pid: number;

  constructor(texts: Readonly<Record<string, string>>, pid: number) {
    this.#texts = new Map(Object.entries(texts));
    this.#pid = pid;
  }

  write(path: string, text: string): void {
    this.#texts.set(path, text);
  }

  /** From now on the file is there and cannot be read. */
  forbid(path: string): void {
    this.#unreadable.add(path);
  }

  /** Another process takes a lock. */
  lock(path: string, pid: number): void {
    this.#locks.set(path, pid);
  }

  readText(path: string, maxBytes: number): string | undefined {
    if (this.#unreadable.has(path)) {
      throw new PortreeveError('world', 'FILE_UNREADABLE', `cannot read ${path}: permission denied`, '', {
        path,
      });
    }
    const text = this.#texts.get(path);
    if (text !== undefined && text.length > maxBytes) {
      throw new PortreeveError('usage', 'FILE_TOO_LARGE', `${path} is larger than ${maxBytes} bytes`, '', {
        path,
      });
    }
    return text;
  }

  takeLock(path: string): Lock | { readonly heldBy: number } {
    const heldBy = this.#locks.get(path);
    if (heldBy !== undefined) return { heldBy };
    this.#locks.set(path, this.#pid);
    return { release: () => void this.#locks.delete(path) };
  }
}
