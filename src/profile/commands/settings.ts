// The settings of the profile commands: from the command line, otherwise portreeve.toml, otherwise the defaults.
import { hostname } from 'node:os';
import { PortreeveError } from '../../base/errors.ts';
import { parseDecimal } from '../../base/port.ts';
import type { OptionsOf } from '../../kit/command.ts';
import type { Io } from '../../kit/io.ts';
import type { STATE } from '../../kit/options.ts';
import type { Settings } from '../../kit/settings.ts';
import { type ProfileSettings, profileSettings } from '../app/settings.ts';
import type { RACF, READING } from './options.ts';

/** The options that several commands share. */
export type ProfileOptions = OptionsOf<typeof READING & { racf: typeof RACF; state: typeof STATE }>;

/** Merges the options with settings already read. Throws PortreeveError `SYMBOL_INVALID` (usage). */
export function profileSettingsOf(
  settings: Settings,
  { symbol, zosNames, racf }: ProfileOptions,
): ProfileSettings {
  const symbols = { SYSNAME: defaultSysname(), ...symbolsOf(symbol ?? []) };
  return profileSettings(settings, { symbols, zosNames, racf });
}

/** Reads portreeve.toml and merges the options. Throws the errors of both. */
export async function readProfileSettings(options: ProfileOptions, io: Io): Promise<ProfileSettings> {
  return profileSettingsOf(await io.readSettings(options.config), options);
}

/** The argument, or the default of portreeve.toml. Throws PortreeveError `FILE_UNNAMED` (usage). */
export function profileFile(argument: string | undefined, { file }: ProfileSettings): string {
  const path = argument ?? file;
  if (path !== undefined) return path;
  const hint = 'Name a file, or set [profile] file in portreeve.toml.';
  throw new PortreeveError('FILE_UNNAMED', 'no profile was named', hint);
}

/** &SYSNAME. of this host: the first label of its name, in upper case. */
function defaultSysname(): string {
  return (hostname().split('.')[0] ?? '').toUpperCase();
}

/** On z/OS the name has up to 8 of A-Z 0-9 @ # $, not beginning with a digit; portreeve permits 64. */
const SYMBOL = /^&?([A-Z@#$][A-Z0-9@#$_]{0,63})\.?=(.*)$/is;

function symbolsOf(options: readonly string[]): Record<string, string> {
  const symbols: Record<string, string> = {};
  for (const text of options) {
    const [, name, value] = SYMBOL.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      const hint = 'Write --symbol NAME=VALUE, for example --symbol SYSNAME=PROD1.';
      throw new PortreeveError('SYMBOL_INVALID', `"${text}" is not of the form NAME=VALUE`, hint, {
        value: text,
      });
    }
    symbols[name.toUpperCase()] = value;
  }
  return symbols;
}

const REVISION_MAX = 4_294_967_295;

/** Parses the number of a revision. Throws PortreeveError `REVISION_INVALID` (usage). */
export function revisionNumber(text: string): number {
  const number = parseDecimal(text, REVISION_MAX);
  if (number !== undefined && number > 0) return number;
  const hint = 'A revision is a number from 1; to list them: portreeve profile history';
  throw new PortreeveError('REVISION_INVALID', `"${text}" is not a revision`, hint, { value: text });
}
