/** A directory of an ordinary user in which a test writes profiles and runs the commands about them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Io } from '../../src/kit/io.ts';
import { run } from '../../src/main/program.ts';
import { capturedIo } from './captured-io.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workspace {
  readonly directory: string;
  /** Its state directory, for --state. */
  readonly state: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): string;
  /** Runs a command; `@name` stands for the path of a file in the directory, which is taken out of what is said. */
  run(line: string, io?: Partial<Io>): Promise<Said>;
  /** The same with arguments that have blanks. */
  runWith(args: readonly string[], io?: Partial<Io>): Promise<Said>;
}

/** A desk with these files. It has no settings, and goes with the test. */
export function workspace(
  t: Pick<TestContext, 'after'>,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const write: Workspace['write'] = (name, content) => {
    const path = join(directory, name);
    writeFileSync(path, content);
    return path;
  };
  for (const [name, content] of Object.entries(files)) write(name, content);
  const runWith: Workspace['runWith'] = async (args, surroundings) => {
    const io = capturedIo({ uid: 4711, env: { HOME: directory }, ...surroundings });
    const paths = args.map((arg) => arg.replace(/^@/, `${directory}/`));
    const code = await run(paths, io);
    const [stdout = '', stderr = ''] = [io.stdout(), io.stderr()].map((text) =>
      text.replaceAll(`${directory}/`, '@'),
    );
    return { code, stdout, stderr };
  };
  return {
    directory,
    state: join(directory, 'state'),
    write,
    runWith,
    run: (line, io) => runWith(line.split(' '), io),
  };
}
