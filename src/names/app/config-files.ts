// Reads configuration files of other programs, and collects errors instead of throwing them.
import { requireFailure } from '../../base/errors.ts';
import { DOCTOR_FILE_MAX_BYTES, DOCTOR_FILES_MAX } from '../../base/limits.ts';
import type { BootFiles } from './boot-settings.ts';

export class ConfigFiles {
  readonly #files: BootFiles;
  readonly #unknown: string[];

  /** A message is added to `unknown` for each file that exists but cannot be read. */
  constructor(files: BootFiles, unknown: string[]) {
    this.#files = files;
    this.#unknown = unknown;
  }

  /** The text of a file; undefined if it does not exist or cannot be read. */
  text(path: string, maxBytes = DOCTOR_FILE_MAX_BYTES): string | undefined {
    return this.#tryRead(() => this.#files.readText(path, maxBytes));
  }

  /** The paths in a directory whose names match a pattern. */
  within(directory: string, pattern: RegExp): string[] {
    const names = this.#tryRead(() => this.#files.names(directory)) ?? [];
    const matching = names.filter((name) => pattern.test(name)).slice(0, DOCTOR_FILES_MAX);
    return matching.map((name) => `${directory}/${name}`);
  }

  #tryRead<Value>(read: () => Value): Value | undefined {
    try {
      return read();
    } catch (thrown) {
      this.#unknown.push(requireFailure(thrown).message);
      return undefined;
    }
  }
}
