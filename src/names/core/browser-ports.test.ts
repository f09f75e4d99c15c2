// The ports that browsers block, compared with those that Node's fetch() blocks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORT_MAX } from '../../base/port.ts';
import { BAD_PORTS } from './browser-ports.ts';

/** Every port up to here is tested, and above it every 53rd; the only listed port above 6697 is 10080. */
const EACH_UP_TO = 11_000;
const STEP = 53;

test('the blocked ports are those that fetch() blocks before it sends anything', async () => {
  const tested = Array.from({ length: PORT_MAX }, (_, at) => at + 1).filter(
    (port) => port <= EACH_UP_TO || port % STEP === 0,
  );
  const refused: number[] = [];
  for (const port of tested) if (await isRefused(port)) refused.push(port);
  // Port 0 was added to the standard after this version of Node; no program can listen on it.
  assert.deepEqual(
    refused,
    [...BAD_PORTS.keys()].filter((port) => port > 0),
  );
});

/** Sends nothing: the dispatcher always throws. */
async function isRefused(port: number): Promise<boolean> {
  const dispatcher = {
    dispatch: () => {
      throw new Error('it would be sent');
    },
  };
  try {
    await fetch(`http://127.0.0.1:${port}/`, Object.assign<RequestInit, object>({}, { dispatcher }));
  } catch (thrown) {
    const cause = thrown instanceof Error ? thrown.cause : undefined;
    assert.ok(cause instanceof Error);
    return cause.message === 'bad port';
  }
  return assert.fail('fetch() returned a response');
}
