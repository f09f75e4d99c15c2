// Reads portreeve.toml where there is one; what it costs to check it is paid only then.
import { PortreeveError } from '../base/errors.ts';
import { SETTINGS_MAX_BYTES } from '../base/limits.ts';
import type { Files } from '../host/host.ts';
import type { SettingsFile } from './settings-file.ts';

/** portreeve.toml in a configuration directory. */
export function settingsPath(directory: string): string {
  return `${directory}/portreeve.toml`;
}

/**
 * The settings of the file that was named, which must be there, else of portreeve.toml in a configuration directory, if
 * it is there. Throws PortreeveError (usage) `CONFIG_MISSING` and `CONFIG_INVALID`.
 */
export async function readSettings(
  named: string | undefined,
  directory: string,
  files: Pick<Files, 'readText'>,
): Promise<SettingsFile> {
  const path = named ?? settingsPath(directory);
  const text = files.readText(path, SETTINGS_MAX_BYTES);
  if (text !== undefined) {
    const { parseSettings } = await import('./settings-file.ts');
    return parseSettings(text, path);
  }
  if (named === undefined) return {};
  const hint = 'Name another with --config FILE.';
  throw new PortreeveError('CONFIG_MISSING', `there is no file ${path}`, hint, { path });
}
