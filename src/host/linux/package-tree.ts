// Finds the packages that a package loads, in the directories where npm may have installed them.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readText } from './files.ts';

const PACKAGE_JSON_MAX_BYTES = 1024 * 1024;
const MODULES = 'node_modules';

/**
 * The directories of the dependencies of a package, recursively. Packages that are not installed are skipped, as Node
 * does with optional ones.
 */
export function packagesNeeded(root: string): string[] {
  const found = new Set<string>();
  const pending = [root];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const name of needsOf(at)) {
      const directory = find(at, name);
      if (directory === undefined || found.has(directory)) continue;
      found.add(directory);
      pending.push(directory);
    }
  }
  return [...found];
}

function needsOf(directory: string): string[] {
  const text = readText(join(directory, 'package.json'), PACKAGE_JSON_MAX_BYTES);
  const manifest: unknown = text === undefined ? {} : JSON.parse(text);
  if (typeof manifest !== 'object' || manifest === null) return [];
  return ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((field) => {
    const needs: unknown = Reflect.get(manifest, field);
    return typeof needs === 'object' && needs !== null ? Object.keys(needs) : [];
  });
}

/** Node searches each directory from the requiring one up to the root (node:module, LOAD_NODE_MODULES). */
function find(from: string, name: string): string | undefined {
  for (let at = from; ; at = dirname(at)) {
    const directory = join(at, MODULES, name);
    if (existsSync(directory)) return directory;
    if (at === dirname(at)) return undefined;
  }
}
