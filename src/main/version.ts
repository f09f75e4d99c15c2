// The version of the program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The version in package.json, which is in the parent directory of src/ and of dist/. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  return version;
}
