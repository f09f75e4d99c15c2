/** The commands of README.md are run, and print what it shows. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { portreeve, ROOT as ROOT_DIR } from '../support/daemon.ts';
import { NOBODY, workspace } from '../support/guard-workspace.ts';
import { startMountd } from '../support/nfs.ts';
import { ONLY_PORTREEVE, setup } from '../support/portmap.ts';
import { needs, probe } from '../support/probe.ts';
import { kernelIpv6, Sandbox, until } from '../support/sandbox.ts';

const README = readFileSync(join(ROOT_DIR, 'README.md'), 'utf8');
const USER = { uid: 1000 };
const PASSWD = 'root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n';

/** The console examples of a section, by command. */
function examples(section: string): Map<string, string> {
  const [text = ''] = README.split(/^## /m).filter((each) => each.startsWith(`${section}\n`));
  const found = text.matchAll(/^```console\n[$#] bin\/portreeve (.*)\n([\s\S]*?)^```$/gm);
  return new Map([...found].map(([, command = '', output = '']) => [command, output]));
}

/** Replaces what differs from run to run: process numbers, sizes, times and durations. */
function normalized(text: string): string {
  return text
    .replace(/(pid|kill) \d+/g, '$1 N')
    .replace(/since \S+ \S+/g, 'since T')
    .replace(/[\d.]+ (ms|MiB)/g, 'N $1');
}

/** What README.md shows is the beginning of the output: the log of requests follows. */
function assertPrints(shown: Map<string, string>, command: string, printed: string): void {
  const expected = shown.get(command) ?? '';
  assert.notEqual(expected, '', `README.md does not show ${command}`);
  assert.ok(normalized(printed).startsWith(normalized(expected)), `${command}:\n${printed}`);
}

test('each console example is run by one of the tests below', () => {
  assert.deepEqual(README.match(/^```console$/gm)?.length, 8);
});

test('a user gets the answers to the three questions', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('python3'))) return;
  const sandbox = await Sandbox.open(t, { files: { '/etc/passwd': PASSWD } });
  sandbox.start(['python3', '-m', 'http.server', '40000'], USER);
  await until('the server to listen', async () => (await portreeve(sandbox, ['who', '40000'])).code === 0);
  const shown = examples('Three questions');
  assert.equal(shown.size, 3);
  for (const command of shown.keys()) {
    assertPrints(shown, command, (await portreeve(sandbox, command.split(' '), USER)).stdout);
  }
});

test('the port is kept for the program that the profile names', (t) => {
  const at = workspace(t);
  if (at === undefined) return;
  const [block = ''] = /^echo [\s\S]*?(?=^```)/m.exec(README) ?? [];
  const [write = '', ...commands] = block.trim().split('\n');
  const [, statement = ''] = /^echo '(.*)' > profile\.tcpip$/.exec(write) ?? [];
  const run = (command = '') => {
    const [, line = ''] = /^portreeve (.*?) +#/.exec(command) ?? [];
    const { code, stderr } = at.run(line.replace('profile.tcpip', '@profile.tcpip'));
    assert.equal(code, 0, `${line}: ${stderr}`);
  };
  // MYAPP is the user nobody here, and root is another program.
  at.write('profile.tcpip', `${statement.replace('MYAPP', 'NOBODY')}\n`);
  const [apply, observe, enforce, off, ...others] = commands;
  assert.deepEqual(others, []);
  const binds = () => [at.bind(NOBODY, 8080), at.bind(0, 8080), at.bind(0, 8081)];
  run(apply);
  run(observe);
  assert.deepEqual(binds(), ['ok', 'ok', 'ok']);
  run(enforce);
  assert.deepEqual(binds(), ['ok', 'EACCES', 'ok']);
  run(off);
  assert.deepEqual(binds(), ['ok', 'ok', 'ok']);
});

test('decide answers from the example profile', () => {
  const shown = examples('Keep a port for your server');
  assert.equal(shown.size, 1);
  for (const command of shown.keys()) {
    const options = { cwd: ROOT_DIR, encoding: 'utf8' } as const;
    assertPrints(shown, command, spawnSync('bin/portreeve', command.split(' '), options).stdout);
  }
});

test('the port mapper serves what rpcbind would', async (t) => {
  const at = await setup(t, { probes: [ONLY_PORTREEVE, kernelIpv6()] });
  if (at === undefined) return;
  await startMountd(at.sandbox);
  const shown = examples('Replace rpcbind');
  assert.equal(shown.size, 4);
  for (const command of shown.keys()) {
    const { stdout } = command === 'serve' ? at.portmap : await portreeve(at.sandbox, command.split(' '));
    assertPrints(shown, command, stdout);
  }
});
