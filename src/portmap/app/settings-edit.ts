// Writes where to listen into the text of portreeve.toml, of which everything else stays as it was written.
import { PortreeveError } from '../../base/errors.ts';
import { type Settings, sectionOf } from '../../kit/settings.ts';
import { PORTMAP_SECTION } from './settings.ts';

/** Reads the text of portreeve.toml; see parseSettings(). */
export type ParseSettings = (text: string, path: string) => Promise<Settings>;

const PORTMAP_HEADER = /^[ \t]*\[[ \t]*portmap[ \t]*\][ \t]*(#.*)?$/;
const COMMENT = '# As rpcbind did: written by "portreeve portmap take-over".';

/**
 * The text with `[portmap] listen`, which it does not have yet. Throws PortreeveError `CONFIG_INVALID` (usage) where
 * the file is not valid, or cannot be written without knowing it better: then it is for the administrator to do.
 */
export async function withListen(
  text: string,
  path: string,
  addresses: readonly string[],
  parse: ParseSettings,
): Promise<string> {
  const setting = `${COMMENT}\n${listenSetting(addresses)}`;
  const lines = text.split('\n');
  const at = lines.findIndex((line) => PORTMAP_HEADER.test(line));
  const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const edited =
    at < 0
      ? `${before}${before === '' ? '' : '\n'}[portmap]\n${setting}\n`
      : lines.toSpliced(at + 1, 0, setting).join('\n');
  const old = await parse(text, path);
  const now = await parsed(edited, path, parse);
  const wanted = { ...old, portmap: { ...sectionOf(old, PORTMAP_SECTION), listen: addresses } };
  if (sortedJson(now) === sortedJson(wanted)) return edited;
  const message = `${path} cannot be changed without changing more than [portmap] listen`;
  throw new PortreeveError('CONFIG_INVALID', message, '', { path });
}

/** Undefined for what is not valid: the section may be there in another form. */
async function parsed(text: string, path: string, parse: ParseSettings): Promise<Settings | undefined> {
  try {
    return await parse(text, path);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    return undefined;
  }
}

/** The line of the file. */
export function listenSetting(addresses: readonly string[]): string {
  return `listen = [${addresses.map((address) => `"${address}"`).join(', ')}]`;
}

/** The same for the same values, in whatever order their keys stand. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
