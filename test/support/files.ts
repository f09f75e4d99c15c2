/** Lists the files of the project. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = new URL('../../', import.meta.url);

/** Folders of the root that git ignores: packages, what is built, and git's own. */
const MADE = /^(?:node_modules|dist|dist\.new|dist\.old|man|man\.new|man\.old|\.git)\//;
const LISTING_BYTES_MAX = 16 * 1024 * 1024;

/** The files of these folders, those that exist, relative to the root and sorted. */
export async function sourceFiles(folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders.filter((name) => existsSync(new URL(name, ROOT)))) {
    for (const entry of await readdir(new URL(folder, ROOT), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name).slice(fileURLToPath(ROOT).length);
      if (entry.isFile() && !MADE.test(path)) files.push(path);
    }
  }
  return files.sort();
}

/** What git tracks or would add; in a tree without git everything that is not built. */
export async function projectFiles(): Promise<string[]> {
  if (!existsSync(new URL('.git', ROOT))) return sourceFiles(['.']);
  const { stdout } = await promisify(execFile)(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    { cwd: ROOT, maxBuffer: LISTING_BYTES_MAX },
  );
  return stdout.split('\0').filter((file) => file !== '' && existsSync(new URL(file, ROOT)));
}
