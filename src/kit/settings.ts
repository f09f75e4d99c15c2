// The settings in portreeve.toml. Each feature declares its own section; the schemas are loaded only if there is a
// file.
import type { z } from 'zod';
import { PortreeveError } from '../base/errors.ts';
import { SETTINGS_MAX_BYTES } from '../base/limits.ts';
import { readText } from '../host/linux/files.ts';
import { directoriesOf } from './directories.ts';
import type { Io } from './io.ts';

/** A section of portreeve.toml. It belongs to one feature; others may read it. */
export interface Section<T extends object = object> {
  /** `[name]`. */
  readonly name: string;
  /** Loads the schema of the section; every key is optional. */
  readonly schema: () => Promise<z.ZodType<T>>;
}

/** Valid settings by section; read them with `sectionOf`. */
export type Settings = Readonly<Record<string, object | undefined>>;

/** A section of the settings; empty if the file does not have it. */
export function sectionOf<T extends object>(settings: Settings, { name }: Section<T>): T {
  // Settings are only created by parseSettings(), which checks each section with its own schema.
  return (settings[name] ?? {}) as T;
}

/** portreeve.toml in a configuration directory. */
export function settingsPath(directory: string): string {
  return `${directory}/portreeve.toml`;
}

/**
 * Reads the named file, which must exist, or else portreeve.toml in the user's configuration directory, if it exists.
 * Throws PortreeveError (usage) `CONFIG_MISSING` and `CONFIG_INVALID`.
 */
export async function readSettings(
  named: string | undefined,
  { uid, env }: Pick<Io, 'uid' | 'env'>,
  sections: readonly Section[],
): Promise<Settings> {
  const path = named ?? settingsPath(directoriesOf(uid, env).config);
  const text = readText(path, SETTINGS_MAX_BYTES);
  if (text !== undefined) {
    const { parseSettings } = await import('./settings-file.ts');
    return await parseSettings(text, path, sections);
  }
  if (named === undefined) return {};
  const hint = 'Name another with --config FILE.';
  throw new PortreeveError('CONFIG_MISSING', `there is no file ${path}`, hint, { path });
}
