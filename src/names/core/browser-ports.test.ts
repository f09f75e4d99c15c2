/** The ports that browsers refuse, beside those that the fetch() of Node refuses. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORT_MAX } from '../../base/port.ts';
import { BAD_PORTS } from './browser-ports.ts';

/** Every port up to here, and one of so many above it: of those only 10080 is on the list. */
const EACH_UP_TO = 11_000;
const STEP = 53;

test('they are those that fetch() refuses before it asks anybody', async () => {
  const asked = Array.from({ length: PORT_MAX }, (_, at) => at + 1).filter(
    (port) => port <= EACH_UP_TO || port % STEP === 0,
  );
  const refused: number[] = [];
  for (const port of asked) if (await isRefused(port)) refused.push(port);
  // Port 0 came to the standard later than to Node; nothing can listen there.
  assert.deepEqual(
    refused,
    [...BAD_PORTS.keys()].filter((port) => port > 0),
  );
});

/** Nothing is sent: the dispatcher that would send it only fails. */
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
  return assert.fail('nothing was to answer');
}
