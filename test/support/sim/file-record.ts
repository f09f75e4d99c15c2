// A record of changed files in memory.
import type { FileChange, FileRecord } from '../../../src/doctor/core/file-record.ts';

export class SimFileRecord implements FileRecord {
  #changes: readonly FileChange[] = [];

  read(): readonly FileChange[] {
    return this.#changes;
  }

  write(changes: readonly FileChange[]): void {
    this.#changes = structuredClone(changes);
  }
}
