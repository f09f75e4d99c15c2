// A runtime directory planted by another user: no command connects to a socket in it.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { STATUS_SOCKET, USER_SOCKET } from '../../src/kit/daemon-names.ts';
import { CALLS } from '../support/command-calls.ts';
import { STRANGER, USER, type UserSandbox, userSandbox } from '../support/user-sandbox.ts';

/** The runtime directory of a user without a login session. */
const RUNTIME = `/tmp/portreeve-${USER}`;
const SOCKETS = [STATUS_SOCKET, USER_SOCKET, 'rpcbind.sock'];
const ANSWER = 'HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}';

interface Planted extends UserSandbox {
  /** The requests to the sockets since the last call. */
  takeRequests(): string[];
  /** The path of the directory outside the sandbox. */
  readonly directory: string;
}

/** A runtime directory with the given owner, with a socket of each name that answers and records requests. */
async function planted(t: TestContext, owner: number, mode = 0o755): Promise<Planted | undefined> {
  const at = await userSandbox(t);
  if (!at) return undefined;
  const directory = at.sandbox.path(RUNTIME);
  mkdirSync(directory);
  chmodSync(directory, mode);
  chownSync(directory, owner, owner);
  let requests: string[] = [];
  for (const name of SOCKETS) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (data) => {
        requests.push(`${name}: ${data.toString('latin1').split('\r\n')[0]}`);
        socket.end(ANSWER);
      });
      // A connection without a request also means that the directory was trusted.
      socket.once('end', () => requests.push(`${name}: a connection`));
    });
    const path = join(directory, name);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    chmodSync(path, 0o777);
    t.after(() => server.close());
  }
  const takeRequests = () => {
    const taken = requests;
    requests = [];
    return taken;
  };
  return { ...at, directory, takeRequests };
}

const linesWhere = (isWanted: (queries: boolean) => boolean): string[] =>
  Object.entries(CALLS).flatMap(([command, calls]) =>
    calls.flatMap(({ args, queries }) => (isWanted(queries) ? [`${command} ${args}`.trim()] : [])),
  );

describe('every command', () => {
  test('ignores a runtime directory of another user', async (t) => {
    const at = await planted(t, STRANGER);
    if (!at) return;
    for (const line of linesWhere(() => true)) {
      await at.run(line);
      assert.deepEqual(at.takeRequests(), [], line);
    }
  });

  test('that queries a daemon uses the runtime directory of its user', async (t) => {
    const at = await planted(t, USER);
    if (!at) return;
    for (const line of linesWhere((asks) => asks)) {
      await at.run(line);
      assert.notDeepEqual(at.takeRequests(), [], line);
    }
  });
});

describe('a runtime directory', () => {
  const LINES = ['status', 'events --follow'];
  const countIn = async (at: Planted): Promise<number[]> => {
    const counts: number[] = [];
    for (const line of LINES) {
      const { stderr } = await at.run(line);
      counts.push(at.takeRequests().length > 0 ? 1 : 0);
      if (counts.at(-1) === 0) assert.match(stderr, new RegExp(`\\n {2}${RUNTIME} (belongs|is|can)`), line);
    }
    return counts;
  };

  test('of root is used', async (t) => {
    const at = await planted(t, 0);
    if (at) assert.deepEqual(await countIn(at), [1, 1]);
  });

  test('that others can write to is not used', async (t) => {
    for (const mode of [0o777, 0o775, 0o1777]) {
      const at = await planted(t, USER, mode);
      if (!at) return;
      assert.deepEqual(await countIn(at), [0, 0]);
    }
  });

  test('that is a symbolic link is not used, regardless of its owner', async (t) => {
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

test('a daemon does not start in a runtime directory of another user, and does not change it', async (t) => {
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
