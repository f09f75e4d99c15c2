// A network namespace with a name, as ip-netns(8) makes it, which goes with the test.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';

let made = 0;

/** One of the host's. */
export interface NamedNamespace {
  readonly name: string;
  readonly path: string;
  /** Takes the name away. */
  remove(): void;
}

/** Makes one; gone again after the test, also where that fails. Without a test it is the caller's to remove. */
export function namedNamespace(t?: Pick<TestContext, 'after'>): NamedNamespace {
  const name = `portreeve-test-${process.pid}-${made++}`;
  const path = `/run/netns/${name}`;
  const remove = () => {
    if (existsSync(path)) execFileSync('ip', ['netns', 'delete', name]);
  };
  t?.after(remove);
  execFileSync('ip', ['netns', 'add', name]);
  return { name, path, remove };
}
