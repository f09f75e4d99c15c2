/** Lists the files of the project. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = new URL('../../', import.meta.url);

const MADE = new Set(['node_modules', 'dist', 'dist.new', '.git']);
const LISTING_BYTES_MAX = 16 * 1024 * 1024;

/** The files of these folders, those that exist, relative to the root and sorted. */
export async function sourceFiles(folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders.filter((name) => existsSync(new URL(name, ROOT)))) {
    for (const entry of await readdir(new URL(folder, ROOT), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(fileURLToPath(ROOT).length);
      if (entry.isFile() && !path.split('/').some((part) => MADE.has(part))) files.push(path);
    }
  }
  return files.sort();
}

/** What git tracks or would add; everything that was not made, where this is no checkout. */
export async function projectFiles(): Promise<string[]> {
  if (!existsSync(new URL('.git', ROOT))) return sourceFiles(['.']);
  const { stdout } = await promisify(execFile)(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: ROOT, maxBuffer: LISTING_BYTES_MAX },
  );
  return stdout.split('\0').filter((file) => file !== '' && existsSync(new URL(file, ROOT)));
}
