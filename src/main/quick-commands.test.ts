// The quick way reads what commander would read, or leaves it to it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import fc from 'fast-check';
import { capturedIo } from '../../test/support/captured-io.ts';
import { run } from './program.ts';
import { EXPLAIN, PORTS, type QuickCommand, quickCall, WHO } from './quick-commands.ts';

const COMMANDS: readonly QuickCommand[] = [PORTS, WHO, EXPLAIN];

/** What commander makes of arguments; undefined where it refuses them. */
function readByCommander({ argument, options }: QuickCommand, typed: readonly string[]) {
  const command = new Command().exitOverride().configureOutput({ outputError: () => {}, writeOut: () => {} });
  command.argument(argument);
  for (const [flags] of options) command.option(flags);
  let read: { words: string[]; options: object } | undefined;
  command.action((words: string | string[], given: object) => {
    read = { words: [words].flat(), options: { ...given } };
  });
  try {
    command.parse(typed, { from: 'user' });
  } catch {
    return undefined;
  }
  return read;
}

describe('a command line', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '80',
      '1-2',
      'nginx',
      '',
      '-',
      '--',
      '-h',
      '--help',
      '--jso',
      '--json=1',
      '--owner=x',
      '-j',
    ),
    fc.constantFrom(
      ...COMMANDS.flatMap(({ options }) => options.map(([flags]) => flags.split(' ')[0] ?? '')),
    ),
  );
  for (const command of COMMANDS) {
    test(`of ${command.name} that is read is read as commander reads it`, () => {
      let count = 0;
      fc.assert(
        fc.property(fc.array(word, { maxLength: 6 }), (typed) => {
          const quick = quickCall([command.name, ...typed]);
          if (!quick) return;
          count++;
          const { words, options } = quick;
          assert.deepEqual({ words, options }, readByCommander(command, typed));
        }),
        { numRuns: 2000 },
      );
      assert.ok(count > 20, `${count}`);
    });
  }

  test('that is usual is read', () => {
    const cases: Record<string, [words: string[], options: object]> = {
      ports: [[], {}],
      'ports 80 90-99 --listening --json': [['80', '90-99'], { listening: true, json: true }],
      'ports --owner nginx --all --runtime /run/x': [[], { owner: 'nginx', all: true, runtime: '/run/x' }],
      'who 80/tcp': [['80/tcp'], {}],
      'who 80 ssh --json': [['80', 'ssh'], { json: true }],
      'explain --json 80': [['80'], { json: true }],
    };
    for (const [line, [words, options]] of Object.entries(cases)) {
      const call = quickCall(line.split(' '));
      assert.deepEqual([call?.words, call?.options], [words, options], line);
    }
  });

  test('that is unusual is left to commander', () => {
    for (const line of [
      '',
      'status',
      'who',
      'explain --json',
      'who --help',
      'ports -h',
      'ports --owner',
      'ports --no',
    ]) {
      assert.equal(quickCall(line.split(' ')), undefined, line);
    }
  });
});

test('what is wrong is told as for every other command', async () => {
  for (const line of ['who', 'ports --owner', 'ports --nothing', 'explain']) {
    const io = capturedIo();
    assert.equal(await run(line.split(' '), io), 2);
    assert.match(io.stderr(), /^portreeve: .*\nSee: portreeve (who|ports|explain) --help\n$/);
  }
});
