/** Tests that portreeve answers recorded requests byte for byte as rpcbind, except for documented differences. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tableOf } from './support/tables.ts';
import { differences, replay, vectorFiles } from './support/vectors.ts';

/** The rows of docs/portmap.md that no vector covers, and the tests that cover them. */
const SHOWN_ELSEWHERE = [
  'Stale registrations', // src/portmap/app/watch.test.ts
  'Remote DUMP and GETSTAT over UDP', // test/docs/portmap.test.ts
  'A DUMP that does not fit into a datagram', // src/portmap/app/service.test.ts
  'Addresses in GETSTAT', // src/portmap/core/statistics.test.ts
  'SET and UNSET over UDP after a long wait', // test/interop/datagram-sender.test.ts
];

for (const file of vectorFiles()) {
  describe(`vectors/portmap/${file.name}.json`, () => {
    const answers = replay(file);
    const different = new Map(
      differences()
        .filter((difference) => difference.file === file.name)
        .map((difference) => [difference.vector, difference]),
    );
    for (const [i, vector] of file.vectors.entries()) {
      const difference = different.get(vector.name);
      test(difference ? `${vector.name} (${difference.difference})` : vector.name, () => {
        const { reply, closed = false } = difference ?? vector;
        const answer = answers[i];
        assert.deepEqual([answer?.reply, answer?.closed ?? false], [reply, closed]);
      });
    }

    test('every listed difference is one, and its vector exists', () => {
      for (const { vector: name, reply, closed } of different.values()) {
        const vector = file.vectors.find((one) => one.name === name);
        assert.ok(vector, name);
        assert.notDeepEqual([vector.reply, vector.closed ?? false], [reply, closed ?? false], name);
      }
    });
  });
}

test('docs/portmap.md lists exactly these differences', () => {
  const documented = tableOf('docs/portmap.md', ['what', 'rpcbind', 'portreeve', 'why']).map(
    (row) => row['what'],
  );
  const shown = new Set(differences().map(({ difference }) => difference));
  assert.deepEqual(documented.sort(), [...shown, ...SHOWN_ELSEWHERE].sort());
});
