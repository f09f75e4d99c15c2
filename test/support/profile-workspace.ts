/** A temporary directory in which a test writes profiles and runs commands as an ordinary user. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Io } from '../../src/kit/io.ts';
import { run } from '../../src/main/program.ts';
import { capturedIo } from './captured-io.ts';

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workspace {
  readonly directory: string;
  /** Its state directory, for --state. */
  readonly state: string;
  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string;
  /** Runs a command. `@name` is a file in the directory, in arguments and in the output. */
  run(line: string, io?: Partial<Io>): Promise<RunResult>;
  /** The same, for arguments with blanks. */
  runWith(args: readonly string[], io?: Partial<Io>): Promise<RunResult>;
}

/** A workspace with these files and no settings, removed after the test. */
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
  const runWith: Workspace['runWith'] = async (args, overrides) => {
    const io = capturedIo({ uid: 4711, env: { HOME: directory }, ...overrides });
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
