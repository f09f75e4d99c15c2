// `portreeve completion`: the completions that each shell offers.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { needs, probe } from '../../test/support/probe.ts';
import { run } from './program.ts';

async function script(shell: string): Promise<string> {
  const io = capturedIo();
  assert.equal(await run(['completion', shell], io), 0);
  return io.stdout();
}

/** Runs a shell that reads the script, in a directory with a file and a directory. */
async function ask(t: TestContext, shell: string, args: readonly string[], lines: string): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'portreeve-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'my settings.toml'), '');
  const input = `${await script(shell)}\n${lines}\n`;
  const { status, stdout, stderr } = spawnSync(shell, args, { input, cwd: directory, encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** The completions that bash offers after these words. */
function bash(t: TestContext, ...words: string[]): Promise<string[]> {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const lines = [
    `COMP_WORDS=(portreeve ${quoted}) COMP_CWORD=${words.length}`,
    `_portreeve; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ];
  return ask(t, 'bash', ['--norc'], lines.join('\n'));
}

describe('bash offers', () => {
  const cases: Record<string, [words: string[], offered: string[]]> = {
    'commands by their beginning': [['s'], ['serve', 'status', 'stacks', 'suggest']],
    'the commands of a group': [
      ['portmap', 's'],
      ['stats', 'set'],
    ],
    'options of the command': [
      ['status', '--'],
      ['--runtime', '--json', '--help'],
    ],
    'options behind arguments': [['portmap', 'set', 'nfs', '3', '--d'], ['--dry-run']],
    'no option that is hidden': [['serve', '--f'], []],
    'what an argument may be': [
      ['portmap', 'set', 'nfs', '3', 'tc'],
      ['tcp', 'tcp6'],
    ],
    'what the value of an option may be': [['suggest', '--protocol', 't'], ['tcp']],
    'files for an option': [['serve', '--config', 'my'], ['my settings.toml']],
    'files for an option with "="': [['serve', '--config', '=', 'my'], ['my settings.toml']],
    'files for an argument': [['config', 'check', 'm'], ['my settings.toml']],
    'no files where directories are wanted': [['status', '--runtime', 'my'], []],
    'nothing that only the user knows': [['serve', '--port', ''], []],
    'nothing for what is no command': [['nosuch', 'x'], []],
  };
  for (const [name, [words, offered]] of Object.entries(cases)) {
    test(name, async (t) => {
      if (needs(t, probe.command('bash'))) assert.deepEqual(await bash(t, ...words), offered);
    });
  }

  test('the function as the completion of portreeve', async (t) => {
    if (!needs(t, probe.command('bash'))) return;
    assert.deepEqual(await ask(t, 'bash', ['--norc'], 'complete -p portreeve'), [
      'complete -F _portreeve portreeve',
    ]);
  });
});

test('zsh understands its script', async (t) => {
  if (needs(t, probe.command('zsh'))) assert.deepEqual(await ask(t, 'zsh', ['-f', '-n'], ''), []);
});

test('fish offers the commands of a group', async (t) => {
  if (!needs(t, probe.command('fish'))) return;
  const offered = await ask(t, 'fish', ['--no-config'], "complete -C 'portreeve config c'");
  assert.deepEqual(offered, ['check\tcheck whether a settings file is valid']);
});

test('every script has every command and option', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const text = await script(shell);
    for (const word of [
      'serve',
      'portmap',
      'unset',
      'dry-run',
      'socket',
      'config',
      'completion',
      'version',
    ]) {
      assert.ok(text.includes(word), `${shell}: ${word}`);
    }
  }
});

test('an unknown shell is refused with the list of known ones', async () => {
  const io = capturedIo();
  assert.equal(await run(['completion', 'tcsh'], io), 2);
  assert.match(io.stderr(), /Allowed choices are bash, zsh, fish/);
});
