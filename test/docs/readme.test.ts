// The commands in README.md print the documented output.

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

/** The console blocks: a command and its output. */
function examples(markdown: string): Example[] {
  return [...markdown.matchAll(/^```console\n[$#] bin\/portreeve (.*)\n([\s\S]*?)^```$/gm)].map(
    ([, command, output]) => ({
      command: command ?? '',
      output: output ?? '',
    }),
  );
}

/** Replaces pids, times, sizes, and durations, which differ each time. */
function normalized(text: string): string {
  return text
    .replace(/pid \d+/g, 'pid N')
    .replace(/since \S+ \S+/g, 'since T')
    .replace(/[\d.]+ (ms|MiB)/g, 'N $1');
}

/** The sandbox does not contain the repository, so commands that read example files are run outside of it. */
async function outputOf(command: string, { sandbox, portmap }: Setup): Promise<string> {
  if (command === 'serve') return portmap.stdout;
  const args = command.split(' ');
  if (!command.includes('examples/')) return (await portreeve(sandbox, args)).stdout;
  return spawnSync(PORTREEVE, args, { cwd: ROOT, encoding: 'utf8' }).stdout;
}

test('each command in README.md prints the documented output', async (t) => {
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
    // README.md may show only the beginning of the output.
    assert.ok(normalized(printed).startsWith(normalized(output)), `${command}:\n${printed}`);
  }
});
