/** What a benchmark has measured, as a file. */

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes it, with the directory that it is to be in. */
export async function writeRecord(file: string, record: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(record, rounded, 2)}\n`);
}

/** Five digits say all that a measurement knows. */
function rounded(_key: string, value: unknown): unknown {
  const isMeasured = typeof value === 'number' && !Number.isInteger(value);
  return isMeasured ? JSON.parse(value.toPrecision(5)) : value;
}
