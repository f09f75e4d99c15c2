// The quick way reads what commander would read, or leaves it to it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { capturedIo } from '../../test/support/captured-io.ts';
import { type Command, flagOf, fullName } from '../kit/command.ts';
import { COMMANDS, run } from './program.ts';
import { QUICK, quickCall } from './quick-commands.ts';

const PROGRAM = COMMANDS.filter(({ path }) => path.length === 0);

/** What commander makes of a command line; undefined where it refuses it. */
async function readByCommander(command: Command, typed: readonly string[]) {
  let read: { words: object; options: object } | undefined;
  const reader: Command = {
    ...command,
    run(words, options) {
      read = { words, options: { ...options } };
      return 0;
    },
  };
  await run([...command.path, ...typed], capturedIo(), [...PROGRAM, reader]);
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
    fc.constantFrom(...QUICK.flatMap(({ options = {} }) => Object.keys(options).map(flagOf))),
  );
  for (const command of QUICK) {
    test(`of ${fullName(command)} that is read is read as commander reads it`, async () => {
      let count = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 6 }), async (typed) => {
          const quick = quickCall([...command.path, ...typed]);
          if (!quick) return;
          count++;
          const { words, options } = quick;
          assert.deepEqual({ words, options }, await readByCommander(command, typed));
        }),
        { numRuns: 2000 },
      );
      assert.ok(count > 20, `${count}`);
    });
  }

  test('that is usual is read', () => {
    const cases: Record<string, [words: object, options: object]> = {
      ports: [{ port: [] }, {}],
      'ports 80 90-99 --listening --json': [{ port: ['80', '90-99'] }, { listening: true, json: true }],
      'ports --owner nginx --all --runtime /run/x': [
        { port: [] },
        { owner: 'nginx', all: true, runtime: '/run/x' },
      ],
      'who 80/tcp': [{ port: ['80/tcp'] }, {}],
      'who 80 ssh --json': [{ port: ['80', 'ssh'] }, { json: true }],
      'explain --json 80': [{ port: ['80'] }, { json: true }],
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
    assert.match(io.stderr(), /^portreeve: error\[\w+\]: .*\nSee: portreeve (who|ports|explain) --help\n$/);
  }
});
