// The record of changed files, stored in the state directory with the text of each file before and after the change.
import { rmSync } from 'node:fs';
import { messageOf, PortreeveError } from '../../base/errors.ts';
import { DOCTOR_FILE_MAX_BYTES, PORT_LIST_MAX_CHARACTERS } from '../../base/limits.ts';
import { readText } from '../../host/linux/files.ts';
import { putFile } from '../../host/linux/put-file.ts';
import type { FileChange, FileRecord } from '../core/file-record.ts';

/** A few files with two texts each, which may contain a list of ports. */
const RECORD_MAX_BYTES = 16 * (DOCTOR_FILE_MAX_BYTES + PORT_LIST_MAX_CHARACTERS);

/** The file exists only while the record is not empty. */
export class FileRecordFile implements FileRecord {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(): readonly FileChange[] {
    const text = readText(this.#path, RECORD_MAX_BYTES);
    if (text === undefined) return [];
    try {
      const changes: unknown = JSON.parse(text);
      if (!Array.isArray(changes)) throw new TypeError('it is not a list of changes');
      return changes.map(changeOf);
    } catch (thrown) {
      const message = `${this.#path} is damaged: ${messageOf(thrown)}`;
      const hint = 'Move it away. The changes that it records then cannot be undone.';
      throw new PortreeveError('RECORD_DAMAGED', message, hint, { path: this.#path });
    }
  }

  write(changes: readonly FileChange[]): void {
    if (changes.length > 0) {
      const entries = changes.map(({ path, before, after }) => ({ path, before: before ?? null, after }));
      putFile(this.#path, `${JSON.stringify(entries, undefined, 2)}\n`);
      return;
    }
    try {
      rmSync(this.#path, { force: true });
    } catch (thrown) {
      const message = `cannot remove ${this.#path}: ${messageOf(thrown)}`;
      throw new PortreeveError('FILE_UNWRITABLE', message, '', { path: this.#path });
    }
  }
}

function changeOf(entry: unknown): FileChange {
  if (typeof entry !== 'object' || entry === null) throw new TypeError('an object was expected');
  const { path, before, after } = { path: undefined, before: undefined, after: undefined, ...entry };
  return { path: textOf(path), before: before === null ? undefined : textOf(before), after: textOf(after) };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('a text was expected');
}
