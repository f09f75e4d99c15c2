// Creates a named network namespace with ip-netns(8) for a test.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';

let created = 0;

export interface NamedNamespace {
  readonly name: string;
  readonly path: string;
  remove(): void;
}

/** Removed after the test, even if it fails. Without a test, the caller must remove it. */
export function namedNamespace(t?: Pick<TestContext, 'after'>): NamedNamespace {
  const name = `portreeve-test-${process.pid}-${created++}`;
  const path = `/run/netns/${name}`;
  const remove = () => {
    if (existsSync(path)) execFileSync('ip', ['netns', 'delete', name]);
  };
  t?.after(remove);
  execFileSync('ip', ['netns', 'add', name]);
  return { name, path, remove };
}
