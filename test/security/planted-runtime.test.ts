/** A runtime directory that another user has put in the place of one's own: no command asks what is in it. */

import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { STATUS_SOCKET, USER_SOCKET } from '../../src/kit/daemon-names.ts';
import { CALLS } from '../support/command-calls.ts';
import { STRANGER, USER, type UserSandbox, userSandbox } from '../support/user-sandbox.ts';

/** Where a user without a session has it. */
const RUNTIME = `/tmp/portreeve-${USER}`;
const SOCKETS = [STATUS_SOCKET, USER_SOCKET, 'rpcbind.sock'];
const ANSWER = 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}';

interface Planted extends UserSandbox {
  /** What has come to the sockets since it was asked last. */
  takeAsked(): string[];
  /** The directory, as the test can reach it. */
  readonly directory: string;
}

/** The user's runtime directory as somebody has made it, with a socket of each name that answers and takes notes. */
async function planted(t: TestContext, owner: number, mode = 0o755): Promise<Planted | undefined> {
  const at = await userSandbox(t);
  if (!at) return undefined;
  const directory = at.sandbox.path(RUNTIME);
  mkdirSync(directory);
  chmodSync(directory, mode);
  chownSync(directory, owner, owner);
  let asked: string[] = [];
  for (const name of SOCKETS) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        asked.push(`${name}: ${data.toString('latin1').split('\r\n')[0]}`);
        socket.end(ANSWER);
      });
      // Whoever hangs up without a word has believed it all the same.
      socket.once('end', () => asked.push(`${name}: a connection`));
    });
    const path = join(directory, name);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    chmodSync(path, 0o777);
    t.after(() => server.close());
  }
  const takeAsked = () => {
    const taken = asked;
    asked = [];
    return taken;
  };
  return { ...at, directory, takeAsked };
}

const linesWhere = (isWanted: (asks: boolean) => boolean): string[] =>
  Object.entries(CALLS).flatMap(([command, calls]) =>
    calls.flatMap(({ words, asks }) => (isWanted(asks) ? [`${command} ${words}`.trim()] : [])),
  );

describe('every command', () => {
  test('leaves that of another user alone', async (t) => {
    const at = await planted(t, STRANGER);
    if (!at) return;
    for (const line of linesWhere(() => true)) {
      await at.run(line);
      assert.deepEqual(at.takeAsked(), [], line);
    }
  });

  test('that asks a daemon asks the one in that of its user', async (t) => {
    const at = await planted(t, USER);
    if (!at) return;
    for (const line of linesWhere((asks) => asks)) {
      await at.run(line);
      assert.notDeepEqual(at.takeAsked(), [], line);
    }
  });
});

describe('asked is', () => {
  const LINES = ['status', 'events --follow'];
  const countIn = async (at: Planted): Promise<number[]> => {
    const counts: number[] = [];
    for (const line of LINES) {
      const { stderr } = await at.run(line);
      counts.push(at.takeAsked().length > 0 ? 1 : 0);
      if (counts.at(-1) === 0) assert.match(stderr, new RegExp(`\\n {2}${RUNTIME} (belongs|is|can)`), line);
    }
    return counts;
  };

  test('that of root', async (t) => {
    const at = await planted(t, 0);
    if (at) assert.deepEqual(await countIn(at), [1, 1]);
  });

  test('not one that others can write to', async (t) => {
    for (const mode of [0o777, 0o775, 0o1777]) {
      const at = await planted(t, USER, mode);
      if (!at) return;
      assert.deepEqual(await countIn(at), [0, 0]);
    }
  });

  test('not one that a link leads to, whoever made it', async (t) => {
    const at = await planted(t, USER);
    if (!at) return;
    renameSync(at.directory, at.sandbox.path('/tmp/elsewhere'));
    symlinkSync('/tmp/elsewhere', at.directory);
    for (const owner of [STRANGER, USER]) {
      lchownSync(at.directory, owner, owner);
      assert.deepEqual(await countIn(at), [0, 0]);
    }
  });
});

test('a daemon does not start in that of another user, and leaves what is in it', async (t) => {
  const at = await planted(t, STRANGER);
  if (!at) return;
  const { code, stderr } = await at.run('serve');
  assert.equal(code, 3);
  const refusal = `portreeve: error[RUNTIME_DIRECTORY]: ${RUNTIME}: belongs to uid ${STRANGER}\n`;
  assert.ok(stderr.startsWith(refusal), stderr);
  assert.deepEqual(
    (await at.sandbox.run(['ls', RUNTIME])).stdout.trim().split('\n').sort(),
    [...SOCKETS].sort(),
  );
});
