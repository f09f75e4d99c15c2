/** Compiles tirpc-client.c against Debian's libtirpc and runs it in a sandbox. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peers } from './peers.ts';
import type { Running, RunOptions, Sandbox } from './sandbox.ts';

const SOURCE = join(import.meta.dirname, 'tirpc-client.c');
const INSIDE = '/run/tirpc-client';
const FLAGS = ['-std=c17', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-cast-function-type'];

export class TirpcClient {
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Copies the client into a sandbox; requires a C compiler and the peers. */
  static async into(sandbox: Sandbox, peers: Peers): Promise<TirpcClient> {
    await copyFile(await compiled(peers), sandbox.path(INSIDE));
    return new TirpcClient(sandbox);
  }

  /** The output of one call, without the last newline. */
  async call(argv: string, options?: RunOptions): Promise<string> {
    const { stdout, stderr } = await this.#sandbox.run([INSIDE, ...argv.split(' ')], options);
    return (stdout + stderr).trimEnd();
  }

  /** Starts `serve` or `hold`, and waits until it has registered or bound its port. */
  async start(argv: string, options?: RunOptions): Promise<Running> {
    const running = this.#sandbox.start([INSIDE, ...argv.split(' ')], options);
    await running.waitForOutput(/^(serve|hold) \d+$/m);
    return running;
  }
}

/** The rename makes it safe for two test files to compile at once. */
async function compiled(peers: Peers): Promise<string> {
  const digest = createHash('sha256')
    .update(`${FLAGS}${peers.root}`)
    .update(await readFile(SOURCE))
    .digest('hex');
  const program = join(peers.cache, `tirpc-client-${digest.slice(0, 12)}`);
  if (existsSync(program)) return program;
  const [lib = '', ...others] = peers.libraryDirs();
  const made = `${program}.${process.pid}`;
  const link = [join(lib, 'libtirpc.so.3'), `-Wl,-rpath-link,${[lib, ...others].join(':')}`];
  const headers = ['-isystem', join(peers.root, 'usr/include/tirpc')];
  await promisify(execFile)('cc', [...FLAGS, ...headers, '-o', made, SOURCE, ...link]);
  await rename(made, program);
  return program;
}
