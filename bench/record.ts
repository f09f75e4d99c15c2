// Writes the results of a benchmark to a file.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Creates the directory if necessary. */
export async function writeRecord(file: string, record: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(record, rounded, 2)}\n`);
}

/** Five digits are sufficient for a measurement. */
function rounded(_key: string, value: unknown): unknown {
  const isMeasured = typeof value === 'number' && !Number.isInteger(value);
  return isMeasured ? JSON.parse(value.toPrecision(5)) : value;
}
