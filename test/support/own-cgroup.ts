// A cgroup below the root for one test, which is removed with the test, with all processes and children in it.
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { cgroupRoot, walkCgroups } from '../../src/host/linux/cgroup.ts';
import { until } from './sandbox.ts';

/** Creates it, and returns its directory. */
export function ownCgroup(t: Pick<TestContext, 'after'>): string {
  const directory = mkdtempSync(join(cgroupRoot(), 'portreeve-test-'));
  t.after(() => until(`${directory} to be removed`, () => isRemoved(directory)));
  return directory;
}

function isRemoved(directory: string): boolean {
  const deepestFirst = [...walkCgroups(directory)].map((each) => each.directory).reverse();
  try {
    for (const each of deepestFirst) writeFileSync(join(each, 'cgroup.kill'), '1');
    for (const each of deepestFirst) rmdirSync(each);
    return true;
  } catch {
    return false;
  }
}
