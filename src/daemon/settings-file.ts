// portreeve.toml: decoded strictly, each mistake named with its key and what would be legal.
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { PortreeveError } from '../base/errors.ts';
import { UID_MAX } from '../base/limits.ts';
import { PORT_MAX, PORT_MIN } from '../base/port.ts';

const PORTMAP = z.strictObject({
  listen: z.array(z.string()).optional(),
  port: z.int().min(PORT_MIN).max(PORT_MAX).optional(),
  local: z.string().optional(),
  uid: z.int().min(1).max(UID_MAX).optional(),
});

const FILE = z.strictObject({ portmap: PORTMAP.optional() });

/** What portreeve.toml can say. */
export type SettingsFile = z.infer<typeof FILE>;

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

function explain(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') return `${path}: ${issue.message}`;
  const keys = issue.keys.map((key) => {
    const known = nearest(key, keysAt(issue.path));
    return `"${path === '' ? key : `${path}.${key}`}" is no setting; did you mean "${known}"?`;
  });
  return keys.join(' ');
}

/** Reads the text of portreeve.toml. Throws PortreeveError `CONFIG_INVALID` (usage) that names every mistake. */
export function parseSettings(text: string, path: string): SettingsFile {
  const result = FILE.safeParse(parseToml(text, path));
  if (result.success) return result.data;
  const message = `${path}: ${result.error.issues.map(explain).join('; ')}`;
  throw new PortreeveError('usage', 'CONFIG_INVALID', message, 'docs/portmap.md lists the settings.', {
    path,
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
