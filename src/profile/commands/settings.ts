// What the commands of the profile go by: what was typed, else what portreeve.toml says, else what is built in.
import { hostname } from 'node:os';
import { PortreeveError } from '../../base/errors.ts';
import { parseDecimal } from '../../base/port.ts';
import type { OptionsOf } from '../../kit/command.ts';
import type { Io } from '../../kit/io.ts';
import type { STATE } from '../../kit/options.ts';
import type { Settings } from '../../kit/settings.ts';
import { type ProfileSettings, profileSettings } from '../app/settings.ts';
import type { RACF, READING } from './options.ts';

/** Options that several of the commands have, as they were typed. */
export type ProfileOptions = OptionsOf<typeof READING & { racf: typeof RACF; state: typeof STATE }>;

/** What they come to with a file that was read. Throws PortreeveError `SYMBOL_INVALID` (usage). */
export function profileSettingsOf(
  settings: Settings,
  { symbol, zosNames, racf }: ProfileOptions,
): ProfileSettings {
  const symbols = { SYSNAME: sysnameHere(), ...symbolsOf(symbol ?? []) };
  return profileSettings(settings, { symbols, zosNames, racf });
}

/** The same where nothing else of the file matters. Throws what both of them throw. */
export async function settleProfile(options: ProfileOptions, io: Io): Promise<ProfileSettings> {
  return profileSettingsOf(await io.readSettings(options.config), options);
}

/** The file that was typed, or that of portreeve.toml. Throws PortreeveError `FILE_UNNAMED` (usage). */
export function profileFile(typed: string | undefined, { file }: ProfileSettings): string {
  const path = typed ?? file;
  if (path !== undefined) return path;
  const hint = 'Name a file, or set [profile] file in portreeve.toml.';
  throw new PortreeveError('FILE_UNNAMED', 'no profile was named', hint);
}

/** &SYSNAME. of this host: the first label of its name, in capitals. */
function sysnameHere(): string {
  return (hostname().split('.')[0] ?? '').toUpperCase();
}

/** System symbols: up to 8 characters of A-Z 0-9 @ # $, the first no digit; portreeve allows 64. */
const SYMBOL = /^&?([A-Z@#$][A-Z0-9@#$_]{0,63})\.?=(.*)$/is;

function symbolsOf(typed: readonly string[]): Record<string, string> {
  const symbols: Record<string, string> = {};
  for (const text of typed) {
    const [, name, value] = SYMBOL.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      const hint = 'A symbol is given as NAME=VALUE, such as --symbol SYSNAME=PROD1.';
      throw new PortreeveError('SYMBOL_INVALID', `"${text}" gives no symbol a value`, hint, {
        value: text,
      });
    }
    symbols[name.toUpperCase()] = value;
  }
  return symbols;
}

/** More revisions than these are not counted. */
const REVISION_MAX = 4_294_967_295;

/** Reads the number of a revision. Throws PortreeveError `REVISION_INVALID` (usage). */
export function revisionNumber(text: string): number {
  const number = parseDecimal(text, REVISION_MAX);
  if (number !== undefined && number > 0) return number;
  const hint = 'It is a number from 1 on: portreeve profile history lists them.';
  throw new PortreeveError('REVISION_INVALID', `"${text}" is not a revision`, hint, { value: text });
}
