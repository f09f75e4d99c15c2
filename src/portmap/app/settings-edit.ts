// Inserts `[portmap] listen` into the text of portreeve.toml, and preserves everything else, including comments.
import { PortreeveError } from '../../base/errors.ts';
import { type Settings, sectionOf } from '../../kit/settings.ts';
import { PORTMAP_SECTION } from './settings.ts';

/** Reads the text of portreeve.toml; see parseSettings(). */
export type ParseSettings = (text: string, path: string) => Promise<Settings>;

const PORTMAP_HEADER = /^[ \t]*\[[ \t]*portmap[ \t]*\][ \t]*(#.*)?$/;
const COMMENT = '# The addresses of rpcbind, written by "portreeve portmap take-over".';

/**
 * The text with `[portmap] listen` added. Throws PortreeveError `CONFIG_INVALID` (usage) if the file is not valid, or
 * if the line cannot be inserted without changing another setting.
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
  const expected = { ...old, portmap: { ...sectionOf(old, PORTMAP_SECTION), listen: addresses } };
  if (sortedJson(now) === sortedJson(expected)) return edited;
  const message = `${path} cannot be changed without changing more than [portmap] listen`;
  throw new PortreeveError('CONFIG_INVALID', message, '', { path });
}

/** Undefined if the text is not valid, such as when the section exists in another notation. */
async function parsed(text: string, path: string, parse: ParseSettings): Promise<Settings | undefined> {
  try {
    return await parse(text, path);
  } catch (thrown) {
    if (!(thrown instanceof PortreeveError)) throw thrown;
    return undefined;
  }
}

/** The line to insert. */
export function listenSetting(addresses: readonly string[]): string {
  return `listen = [${addresses.map((address) => `"${address}"`).join(', ')}]`;
}

/** JSON that does not depend on the order of keys. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
