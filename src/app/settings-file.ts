// portreeve.toml: decoded strictly, each mistake named with its key, its value and what would be legal.
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { PortreeveError } from '../base/errors.ts';
import { UID_MAX } from '../base/limits.ts';
import { PORT_MAX, PORT_MIN } from '../base/port.ts';
import { isListenableAddress, isListenablePath, LISTENABLE_PATH } from './listenable.ts';

const ADDRESS =
  'an IP address of this host, such as 192.0.2.7 or ::1, or 0.0.0.0 and :: for all of IPv4 and IPv6';
const PORT = `a number from ${PORT_MIN} to ${PORT_MAX}`;
const UID = `a number from 1 to ${UID_MAX}`;

const PORTMAP = z.strictObject(
  {
    listen: z.array(z.string(ADDRESS).refine(isListenableAddress, ADDRESS), 'a list of addresses').optional(),
    port: z.int(PORT).min(PORT_MIN, PORT).max(PORT_MAX, PORT).optional(),
    local: z.string(LISTENABLE_PATH).refine(isListenablePath, LISTENABLE_PATH).optional(),
    uid: z.int(UID).min(1, UID).max(UID_MAX, UID).optional(),
  },
  'a section, [portmap]',
);

const FILE = z.strictObject({ portmap: PORTMAP.optional() });

/** What portreeve.toml can say. */
export type SettingsFile = z.infer<typeof FILE>;

/** Every setting, as "section.key". */
export const SETTING_KEYS: readonly string[] = Object.keys(PORTMAP.shape).map((key) => `portmap.${key}`);

/** The keys that are known at a place of the file. */
function keysAt(path: readonly PropertyKey[]): string[] {
  return Object.keys((path[0] === 'portmap' ? PORTMAP : FILE).shape);
}

/** How many letters have to be changed, put in or left out to make one word of another (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known word that is nearest to a mistyped one. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  return known.toSorted((a, b) => distance(word, a) - distance(word, b))[0];
}

/** What is wrong, a sentence for each mistake. */
function explain(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [`${path} is ${JSON.stringify(issue.input) ?? 'missing'}; it must be ${issue.message}`];
  }
  return issue.keys.map((key) => {
    const known = nearest(key, keysAt(issue.path));
    return `"${path === '' ? key : `${path}.${key}`}" is no setting; did you mean "${known}"?`;
  });
}

/** Reads the text of portreeve.toml. Throws PortreeveError `CONFIG_INVALID` (usage) that names every mistake. */
export function parseSettings(text: string, path: string): SettingsFile {
  const result = FILE.safeParse(parseToml(text, path), { reportInput: true });
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap(explain);
  const message = [`${path} is not valid:`, ...mistakes].join('\n  ');
  throw new PortreeveError('usage', 'CONFIG_INVALID', message, 'The settings: man 5 portreeve.toml', {
    path,
    mistakes: mistakes.length,
  });
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ''] = thrown.message.split('\n');
    const message = `${path}, line ${thrown.line}, column ${thrown.column}: ${reason}`;
    throw new PortreeveError('usage', 'CONFIG_INVALID', message, 'The file is TOML (toml.io).', { path });
  }
}
