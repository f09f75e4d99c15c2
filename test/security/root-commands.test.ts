// Commands that need root are refused to other users before anything is changed.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CALLS, commandsOfProgram } from '../support/command-calls.ts';
import { USER, userSandbox } from '../support/user-sandbox.ts';

/** The message of a command that needs root. */
const REFUSED = /^portreeve: error\[\w+\]: only root can .*\nRun it as root, for example with sudo[.;].*\n$/;

/** Everything in the directories that commands write to: kind, owner, mode, size, time and name. */
const LIST = 'find /etc /run /var/lib /tmp -path /run/checkout -prune -o -printf "%y %U %m %s %T@ %p %l\\n"';

const LINES = Object.entries(CALLS).flatMap(([command, calls]) =>
  calls.map(({ args, users }) => ({ line: `${command} ${args}`.trim(), users })),
);

test('CALLS lists every command', () => {
  assert.deepEqual(Object.keys(CALLS).sort(), commandsOfProgram().sort());
});

describe('a command that needs root', () => {
  const lines = LINES.flatMap(({ line, users }) => (users === 'root' ? [line] : []));

  test('is refused to another user, and changes nothing', async (t) => {
    const at = await userSandbox(t);
    if (!at) return;
    const list = async () => (await at.sandbox.run(['sh', '-c', LIST])).stdout;
    const before = await list();
    for (const line of lines) {
      const { code, stdout, stderr } = await at.run(line);
      assert.deepEqual([code, stdout], [3, ''], `${line}: ${stderr}`);
      assert.match(stderr, REFUSED, line);
    }
    assert.equal(await list(), before);
  });

  test('is permitted to root', async (t) => {
    const at = await userSandbox(t);
    if (!at) return;
    for (const line of lines) {
      const { stdout, stderr } = await at.run(line, 0);
      assert.doesNotMatch(stderr, /only root can/, line);
      assert.notEqual(stdout + stderr, '', line);
    }
  });
});

test('any other command is permitted to every user', async (t) => {
  const at = await userSandbox(t);
  if (!at) return;
  for (const { line } of LINES.filter(({ users }) => users === 'all')) {
    const { stderr } = await at.run(line, USER);
    assert.doesNotMatch(stderr, REFUSED, line);
  }
});
