// The command line as a whole: help, usage, what is loaded, and pipes that close.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { importsOf } from '../../test/support/imports.ts';
import { fakePortmap, tcpServer } from '../../test/support/rpc-server.ts';
import { fullName } from '../kit/command.ts';
import { COMMANDS, run } from './program.ts';

/** The files that implement the commands. */
const SRC = join(import.meta.dirname, '..');
const MODULES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (file) =>
    /^(?:main|\w+\/commands)\/.*(?<!\.test)\.ts$/.test(file) &&
    /export (?:async )?function (?!add)\w+Command\(/.test(readFileSync(join(SRC, file), 'utf8')),
);

test('there are commands', () => {
  assert.ok(COMMANDS.some(({ path }) => path.join(' ') === 'portmap list'));
  assert.ok(MODULES.includes('portmap/commands/list.ts'));
});

describe('--help', () => {
  for (const command of COMMANDS) {
    test(`of ${fullName(command)}`, async () => {
      const io = capturedIo();
      assert.equal(await run([...command.path, '--help'], io), 0);
      assert.ok(io.stdout().startsWith(`Usage: ${fullName(command)}`));
      assert.match(io.stdout(), /\nExamples:\n {2}.*portreeve /);
      assert.equal(io.stderr(), '');
      for (const line of io.stdout().split('\n')) assert.ok(line.length <= 80, line);
      assert.doesNotMatch(io.stdout(), /fallback|default: (\[\]|")/);
    });
  }
});

test('help COMMAND prints the same as COMMAND --help', async () => {
  for (const command of COMMANDS.filter(({ path }) => path.length === 1)) {
    const [asked, called] = [capturedIo(), capturedIo()];
    assert.deepEqual(
      [await run(['help', ...command.path], asked), await run([...command.path, '--help'], called)],
      [0, 0],
    );
    assert.equal(asked.stdout(), called.stdout());
  }
});

test('--version is that of the package', async () => {
  const io = capturedIo();
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  assert.equal(await run(['--version'], io), 0);
  assert.equal(io.stdout(), `${version}\n`);
});

const USAGE = 'portreeve: error[USAGE]: ';

describe('wrong usage exits with 2 and prints what is wrong and which help to read', () => {
  const wrong: Record<string, [args: string[], stderr: string]> = {
    'an unknown command': [['nosuch'], `${USAGE}unknown command 'nosuch'\nSee: portreeve --help\n`],
    'an unknown command of a group': [
      ['portmap', 'nosuch'],
      `${USAGE}unknown command 'nosuch'\nSee: portreeve portmap --help\n`,
    ],
    'an unknown option': [
      ['portmap', 'list', '--nosuch'],
      `${USAGE}unknown option '--nosuch'\nSee: portreeve portmap list --help\n`,
    ],
    'an option that is nearly one': [
      ['status', '--jsn'],
      `${USAGE}unknown option '--jsn' (Did you mean --json?)\nSee: portreeve status --help\n`,
    ],
    'an option without its value': [
      ['serve', '--port'],
      `${USAGE}option '--port <n>' argument missing\nSee: portreeve serve --help\n`,
    ],
    'an argument too many': [
      ['portmap', 'list', 'a', 'b'],
      `${USAGE}too many arguments for 'list'. Expected 1 argument but got 2.\nSee: portreeve portmap list --help\n`,
    ],
  };
  for (const [name, [args, stderr]] of Object.entries(wrong)) {
    test(name, async () => {
      const io = capturedIo();
      assert.equal(await run(args, io), 2);
      assert.equal(io.stderr(), stderr);
      assert.equal(io.stdout(), '');
    });
  }

  for (const command of [[], ['portmap'], ['profile'], ['config']]) {
    test(`portreeve ${command.join(' ')} alone shows its help`, async () => {
      const io = capturedIo();
      assert.equal(await run(command, io), 2);
      assert.match(io.stderr(), /^Usage: portreeve/);
      assert.equal(io.stdout(), '');
    });
  }
});

/** The packages and files that a module imports, directly and indirectly. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { target = '', kind } of importsOf(readFileSync(file, 'utf8'))) {
    if (kind !== 'value') continue;
    if (target.startsWith('.')) loadedWith(join(dirname(file), target), seen);
    else seen.add(target);
  }
  return seen;
}

describe('a command loads what it needs and no more', () => {
  const packages = (file: string) =>
    [...loadedWith(join(SRC, file))].filter((name) => !name.startsWith('/') && !name.startsWith('node:'));

  const files = (start: string) =>
    [...loadedWith(join(SRC, start))].map((file) => file.replace(/^.*\/src\//, ''));

  test('the implementation of a command is loaded when it runs', () => {
    const loaded = files('main/program.ts');
    assert.ok(loaded.includes('sockets/commands/index.ts'));
    for (const module of MODULES) assert.ok(!loaded.includes(module), module);
    assert.deepEqual(packages('main/program.ts'), ['commander']);
  });

  test('a request to the daemon does not load what inspects this host', () => {
    for (const module of ['sockets/commands/ports.ts', 'sockets/commands/who.ts'])
      assert.deepEqual(packages(module), [], module);
  });

  test('the validation of portreeve.toml is loaded only if the file exists', () => {
    assert.deepEqual(packages('main/sections.ts'), []);
  });

  const needed: Readonly<Record<string, string[]>> = {
    'main/config-check.ts': ['smol-toml', 'zod'],
    // It is the daemon.
    'main/serve.ts': ['koffi', 'pino'],
    // These make system calls.
    'doctor/commands/demo/command.ts': ['koffi'],
    'doctor/commands/doctor.ts': ['koffi'],
    'guard/commands/guard.ts': ['koffi'],
    'guard/commands/namespaces.ts': ['koffi'],
    'guard/commands/diff-live.ts': ['koffi'],
    // These inspect sockets.
    'doctor/commands/explain.ts': ['koffi'],
    'lease/commands/suggest.ts': ['koffi'],
  };
  for (const module of MODULES) {
    const expected = needed[module] ?? [];
    test(`${module}: ${expected.join(', ') || 'no package'}`, () => {
      assert.deepEqual(packages(module).sort(), expected);
    });
  }
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell line in which "$@" is this program. */
function shell(line: string): Promise<Ended> {
  const main = join(import.meta.dirname, '../main.ts');
  const child = spawn('bash', ['-c', line, 'sh', process.execPath, main], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text) => {
      texts[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
}

describe('as a process', () => {
  const entries = Array.from({ length: 5000 }, (_, version) => {
    return {
      program: 100005,
      version: version * 2,
      netid: 'tcp',
      address: `127.0.0.1.0.${version % 256}`,
      owner: '0',
    };
  });

  test('a reader that closes the pipe early is not an error', async (t) => {
    const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries }));
    const line = `"$@" portmap list 127.0.0.1:${port} --json | head -n 1; echo "\${PIPESTATUS[0]}"`;
    assert.deepEqual(await shell(line), { code: 0, stdout: '[\n0\n', stderr: '' });
  });

  test('a full disk is an error', async (t) => {
    const { port } = await tcpServer(t, fakePortmap({ versions: [4], entries }));
    const { code, stderr } = await shell(`"$@" portmap list 127.0.0.1:${port} >/dev/full`);
    assert.equal(code, 3);
    assert.match(stderr, /^portreeve: cannot write: .*ENOSPC/);
  });

  test('the process exits with the exit code of the command', async () => {
    const { code, stderr } = await shell('"$@" portmap list /nonexistent/socket');
    assert.equal(code, 3);
    assert.match(stderr, /^portreeve: error\[\w+\]: no port mapper/);
  });
});
