// The files of other programs' settings: what cannot be read is told, and the doctor goes on.
import { requireFailure } from '../../base/errors.ts';
import { DOCTOR_FILE_MAX_BYTES, DOCTOR_FILES_MAX } from '../../base/limits.ts';
import type { BootFiles } from './boot-settings.ts';

/** Files that may be there or not. */
export class ConfigFiles {
  readonly #files: BootFiles;
  readonly #unknown: string[];

  /** `untold` gets a sentence for each file that is there and cannot be read. */
  constructor(files: BootFiles, unknown: string[]) {
    this.#files = files;
    this.#unknown = unknown;
  }

  /** The text of a file; undefined where there is none that can be read. */
  text(path: string, maxBytes = DOCTOR_FILE_MAX_BYTES): string | undefined {
    return this.#tried(() => this.#files.readText(path, maxBytes));
  }

  /** The paths in a directory whose names fit a pattern. */
  within(directory: string, pattern: RegExp): string[] {
    const names = this.#tried(() => this.#files.names(directory)) ?? [];
    const fitting = names.filter((name) => pattern.test(name)).slice(0, DOCTOR_FILES_MAX);
    return fitting.map((name) => `${directory}/${name}`);
  }

  #tried<Value>(look: () => Value): Value | undefined {
    try {
      return look();
    } catch (thrown) {
      this.#unknown.push(requireFailure(thrown).message);
      return undefined;
    }
  }
}
