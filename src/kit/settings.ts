// portreeve.toml as the features see it: each declares its own section, and what it costs to check one is paid only
// where there is a file.
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
  /** Loads what the section may contain; every key is optional. */
  readonly schema: () => Promise<z.ZodType<T>>;
}

/** What portreeve.toml says, by section: valid, and read with `sectionOf`. */
export type Settings = Readonly<Record<string, object | undefined>>;

/** What the settings say in a section; an empty one where there is no such section. */
export function sectionOf<T extends object>(settings: Settings, { name }: Section<T>): T {
  // Whoever has made the settings has checked them with this section's own schema.
  return (settings[name] ?? {}) as T;
}

/** portreeve.toml in a configuration directory. */
export function settingsPath(directory: string): string {
  return `${directory}/portreeve.toml`;
}

/**
 * The settings of the file that was named, which must be there, else of portreeve.toml in the user's configuration
 * directory, if it is there. Throws PortreeveError (usage) `CONFIG_MISSING` and `CONFIG_INVALID`.
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
