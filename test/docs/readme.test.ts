/** The commands of README.md are run, and print what stands there. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PORTREEVE, portreeve, ROOT } from '../support/daemon.ts';
import { startMountd } from '../support/nfs.ts';
import { ONLY_PORTREEVE, type Setup, setup } from '../support/portmap.ts';
import { kernelIpv6 } from '../support/sandbox.ts';

interface Example {
  readonly command: string;
  readonly output: string;
}

/** The console blocks: one command each, and its output. */
function examples(markdown: string): Example[] {
  return [...markdown.matchAll(/^```console\n[$#] bin\/portreeve (.*)\n([\s\S]*?)^```$/gm)].map(
    ([, command, output]) => ({
      command: command ?? '',
      output: output ?? '',
    }),
  );
}

/** What is another each time: numbers of processes, sizes, moments and durations. */
function unchanging(text: string): string {
  return text
    .replace(/pid \d+/g, 'pid N')
    .replace(/since \S+ \S+/g, 'since T')
    .replace(/[\d.]+ (ms|MiB)/g, 'N $1');
}

/** The world has no clone of the repository: what reads an example is run beside it. */
async function outputOf(command: string, { sandbox, portmap }: Setup): Promise<string> {
  if (command === 'serve') return portmap.stdout;
  const args = command.split(' ');
  if (!command.includes('examples/')) return (await portreeve(sandbox, args)).stdout;
  return spawnSync(PORTREEVE, args, { cwd: ROOT, encoding: 'utf8' }).stdout;
}

test('each command of README.md prints what stands there', async (t) => {
  const at = await setup(t, { probes: [ONLY_PORTREEVE, kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const found = examples(await readFile(join(ROOT, 'README.md'), 'utf8'));
  assert.deepEqual(
    found.map(({ command }) => command),
    [
      'serve',
      'portmap list',
      'portmap ping 127.0.0.1 mountd',
      'status',
      'reservations --profile examples/profile.tcpip',
      'decide redis-server 6379/tcp --profile examples/profile.tcpip',
      'who 20048/tcp',
      'explain 12345/tcp',
    ],
  );
  for (const { command, output } of found) {
    const printed = await outputOf(command, at);
    // What stands in README.md is the beginning: a table of what the test asked before may follow.
    assert.ok(unchanging(printed).startsWith(unchanging(output)), `${command}:\n${printed}`);
  }
});
