// The settings of portreeve.toml, from the schemas of the sections.

import { z } from '../../src/kit/schema.ts';
import type { Section } from '../../src/kit/settings.ts';

/** Every setting as "section.key"; "NAME" stands for the name of a table with an arbitrary name. */
export async function settingKeys(sections: readonly Section[]): Promise<string[]> {
  const schemas = await Promise.all(sections.map(({ schema }) => schema()));
  return sections.flatMap(({ name }, index) => {
    const schema = schemas[index];
    const [place, table] =
      schema instanceof z.ZodRecord ? [`${name}.NAME`, schema.valueType] : [name, schema];
    return table instanceof z.ZodObject ? Object.keys(table.shape).map((key) => `${place}.${key}`) : [];
  });
}
