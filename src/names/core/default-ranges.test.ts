// Default ranges of well-known software.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPort, type Protocol } from '../../base/port.ts';
import { DEFAULT_RANGES, defaultRangesOf } from './default-ranges.ts';

const ids = (port: number, protocol: Protocol = 'tcp') => defaultRangesOf(port, protocol).map(({ id }) => id);

test('finds every range that contains a port', () => {
  assert.deepEqual(ids(21_000), ['portserver', 'nomad', 'daos', 'consul']);
  assert.deepEqual(ids(21_000, 'udp'), ['portserver', 'nomad']);
  assert.deepEqual(ids(60_001, 'udp'), ['docker', 'mosh']);
  assert.deepEqual(ids(664), ['bindresvport']);
  assert.deepEqual(ids(993), ['bindresvport', 'nfs-client']);
  assert.deepEqual(ids(8080), []);
});

test('includes the first and last port of a range', () => {
  assert.deepEqual(
    [29_999, 30_000, 32_000, 32_001, 32_767, 32_768].map((port) => ids(port)),
    [['nomad'], ['nomad', 'nodeport'], ['nomad', 'nodeport'], ['nodeport'], ['nodeport'], []],
  );
  assert.deepEqual(
    [49_151, 49_152, 49_153, 65_535].map((port) => ids(port)),
    [[], ['gluster'], ['gluster', 'docker'], ['docker']],
  );
});

test('every range has ports, a unique id, a setting, and a source, and they are sorted', () => {
  assert.equal(new Set(DEFAULT_RANGES.map(({ id }) => id)).size, DEFAULT_RANGES.length);
  for (const { first, last, setting, source, title } of DEFAULT_RANGES) {
    assert.ok(isPort(first) && isPort(last) && first < last);
    assert.ok(setting !== '' && source !== '' && title !== '');
  }
  const firsts = DEFAULT_RANGES.map(({ first }) => first);
  assert.deepEqual(
    firsts,
    firsts.toSorted((a, b) => a - b),
  );
});
