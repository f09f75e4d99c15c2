// The version of the program.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** That of package.json, which lies above src/ and dist/ alike. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  return version;
}
