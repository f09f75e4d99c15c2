// A command is one record: help, completion, types and usage errors are derived from it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { capturedIo } from '../../test/support/captured-io.ts';
import { type ToyCall, toyCommand } from '../../test/support/toy-command.ts';
import type { Arguments, ArgumentsOf, Options, OptionsOf } from '../kit/command.ts';
import { COMMANDS, run } from './program.ts';

/** Runs a command line of the program with a toy command in addition to the real ones. */
async function toyRun(...typed: readonly string[]) {
  const calls: ToyCall[] = [];
  const io = capturedIo();
  const code = await run(typed, io, [...COMMANDS, toyCommand(calls)]);
  return { code, calls, stdout: io.stdout(), stderr: io.stderr() };
}

describe('a toy command', () => {
  test('receives its words and options under their names', async () => {
    const bare = { parts: [], size: 'small', wheel: undefined, manual: undefined, json: undefined };
    const cases: Record<string, Partial<ToyCall>> = {
      red: { color: 'red' },
      'blue door roof': { color: 'blue', parts: ['door', 'roof'] },
      '--size large red --json': { color: 'red', size: 'large', json: true },
      'red --front-wheel a --front-wheel=b --manual m': { color: 'red', wheel: ['a', 'b'], manual: 'm' },
    };
    for (const [line, expected] of Object.entries(cases)) {
      const { code, calls, stdout, stderr } = await toyRun('profile', 'toy', ...line.split(' '));
      assert.deepEqual([code, stdout, stderr], [1, 'assembled\n', ''], line);
      assert.deepEqual(calls, [{ ...bare, ...expected }], line);
    }
  });

  test('is in the help of its group, and has a help', async () => {
    assert.match((await toyRun('profile', '--help')).stdout, /^ {2}toy +assemble a toy$/m);
    const { code, calls, stdout } = await toyRun('profile', 'toy', '--help');
    assert.deepEqual([code, calls], [0, []]);
    assert.equal(
      stdout,
      `Usage: portreeve profile toy [options] <color> [part...]

assemble a toy

Arguments:
  color                  its color (choices: "red", "blue")
  part                   what it consists of

Options:
  --size <size>          how large it is (choices: "small", "large", default:
                         small)
  --front-wheel <wheel>  a wheel; may be repeated
  --manual <file>        its manual (default: none)
  --json                 print JSON
  -h, --help             display help for command

Exit status 1.

Examples:
  portreeve profile toy red
`,
    );
  });

  test('is completed in every shell, without hidden options', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { stdout } = await toyRun('completion', shell);
      for (const word of ['toy', 'red', 'front-wheel', 'large']) {
        assert.ok(stdout.includes(word), `${shell}: ${word}`);
      }
      assert.ok(!stdout.includes('secret'), shell);
    }
  });

  const wrong: Record<string, [line: string, message: RegExp]> = {
    'no color': ['--json', /missing required argument 'color'/],
    'an unknown color': ['green', /'green' is invalid for argument 'color'.* choices are red, blue\./],
    'an unknown size': ['red --size huge', /'huge' is invalid.* choices are small, large\./],
    'options that exclude each other': [
      'red --json --manual m',
      /'--json' cannot be used with option '--manual <file>'/,
    ],
    'an option that is nearly one': ['red --jsno', /unknown option '--jsno' \(Did you mean --json\?\)/],
    'an option without its value': ['red --manual', /option '--manual <file>' argument missing/],
  };
  for (const [name, [line, message]] of Object.entries(wrong)) {
    test(`is not run with ${name}: that is wrong usage`, async () => {
      const { code, calls, stdout, stderr } = await toyRun('profile', 'toy', ...line.split(' '));
      assert.deepEqual([code, calls, stdout], [2, [], '']);
      const isJson = line.split(' ').includes('--json');
      const { error, hint } = isJson ? JSON.parse(stderr) : { error: stderr, hint: stderr };
      assert.match(error, message);
      assert.match(hint, /^See: portreeve profile toy --help$/m);
    });
  }
});

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

// The compiler refuses `true` where the types differ.
test('the types of words and options follow from the declaration', () => {
  const words = {
    color: { help: '', choices: ['red', 'blue'] },
    size: { help: '', optional: true },
    part: { help: '', repeatable: true },
  } as const satisfies Arguments;
  const options = {
    json: { help: '' },
    wheel: { help: '', value: 'wheel' },
    door: { help: '', value: 'door', repeatable: true },
    key: { help: '', value: 'key', required: true },
    paint: { help: '', value: 'paint', choices: ['dull', 'shiny'], default: 'dull' },
  } as const satisfies Options;
  const sameWords: Same<
    ArgumentsOf<typeof words>,
    { color: 'red' | 'blue'; size: string | undefined; part: readonly string[] }
  > = true;
  const sameOptions: Same<
    OptionsOf<typeof options>,
    { json?: boolean; wheel?: string; door?: readonly string[]; key: string; paint: 'dull' | 'shiny' }
  > = true;
  assert.ok(sameWords && sameOptions);
});

test('no two commands have the same path, and excluded options exist', () => {
  const names = COMMANDS.map(({ path }) => path.join(' '));
  assert.deepEqual(names, [...new Set(names)]);
  for (const { path, options = {} } of COMMANDS) {
    for (const { excludes = [] } of Object.values(options)) {
      for (const key of excludes) assert.ok(key in options, `${path.join(' ')}: ${key}`);
    }
  }
});
