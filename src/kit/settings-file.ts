// Decodes portreeve.toml strictly. Each error names the key, the value, and what would be legal.
import { parse, TomlError } from 'smol-toml';
import { PortreeveError } from '../base/errors.ts';
import { closest } from '../base/nearest.ts';
import { z } from './schema.ts';
import type { Section, Settings } from './settings.ts';

/** Throws PortreeveError `CONFIG_INVALID` (usage) that lists every mistake. */
export async function parseSettings(
  text: string,
  path: string,
  sections: readonly Section[],
): Promise<Settings> {
  const file = await fileSchema(sections);
  const result = file.safeParse(parseToml(text, path), { reportInput: true });
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => explain(issue, file));
  const message = [`${path} is not valid:`, ...mistakes].join('\n  ');
  throw new PortreeveError('CONFIG_INVALID', message, 'The settings: man 5 portreeve.toml', {
    path,
    mistakes: mistakes.length,
  });
}

async function fileSchema(sections: readonly Section[]) {
  const schemas = sections.map(async ({ name, schema }) => [name, (await schema()).optional()] as const);
  return z.strictObject(Object.fromEntries(await Promise.all(schemas)));
}

/** A sentence for each mistake. */
function explain(issue: z.core.$ZodIssue, file: z.ZodObject): string[] {
  const path = issue.path.join('.');
  if (issue.code !== 'unrecognized_keys') {
    return [`${path} is ${JSON.stringify(issue.input) ?? 'missing'}; it must be ${issue.message}`];
  }
  const known = keysOf(issue.path.reduce(partOf, file));
  return issue.keys.map((key) => {
    const name = path === '' ? key : `${path}.${key}`;
    return `"${name}" is not a setting; did you mean "${closest(key, known)}"?`;
  });
}

/** The keys of a table. */
function keysOf(schema: unknown): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** The schema of the part with that key. */
function partOf(schema: unknown, key: PropertyKey): unknown {
  const whole = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  const part =
    whole instanceof z.ZodObject
      ? whole.shape[String(key)]
      : whole instanceof z.ZodRecord
        ? whole.valueType
        : whole instanceof z.ZodArray
          ? whole.element
          : undefined;
  return part instanceof z.ZodOptional ? part.unwrap() : part;
}

function parseToml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [reason = ''] = thrown.message.split('\n');
    const message = `${path}, line ${thrown.line}, column ${thrown.column}: ${reason}`;
    throw new PortreeveError('CONFIG_INVALID', message, 'The file is TOML (toml.io).', { path });
  }
}
