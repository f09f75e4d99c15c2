// `portreeve config check`: reports whether a portreeve.toml is valid.

import { PortreeveError } from '../base/errors.ts';
import { SETTINGS_MAX_BYTES } from '../base/limits.ts';
import { readText } from '../host/linux/files.ts';
import type { Io } from '../kit/io.ts';
import { parseSettings } from '../kit/settings-file.ts';
import { SECTIONS } from './sections.ts';

/** Throws PortreeveError (usage) `CONFIG_MISSING` and `CONFIG_INVALID`. */
export async function configCheckCommand(path: string, io: Io): Promise<number> {
  const text = readText(path, SETTINGS_MAX_BYTES);
  if (text === undefined) {
    throw new PortreeveError('CONFIG_MISSING', `there is no file ${path}`, 'Check the path.', {
      path,
    });
  }
  await parseSettings(text, path, SECTIONS);
  io.out(`${path} is valid\n`);
  return 0;
}
