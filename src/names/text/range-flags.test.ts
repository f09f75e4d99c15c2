// Port ranges in command lines and manifests.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodePortRange, portserverRanges } from './range-flags.ts';

describe('kube-apiserver', () => {
  const lines: Record<string, [first: number, last: number] | undefined> = {
    'kube-apiserver --v=2 --service-node-port-range=30000-32767 --x': [30_000, 32_767],
    'kube-apiserver --service-node-port-range 20000-22767': [20_000, 22_767],
    'kube-apiserver --service-node-port-range=30000+99': [30_000, 30_099],
    'kube-apiserver --service-node-port-range=30080': [30_080, 30_080],
    'a --service-node-port-range=1-2 --service-node-port-range=3-4': [3, 4],
    '  - command:\n    - kube-apiserver\n    - --service-node-port-range=30000-60000\n': [30_000, 60_000],
    '    - "--service-node-port-range=1-65535"\n': [1, 65_535],
    'k3s server --kube-apiserver-arg=service-node-port-range=20000-22767': [20_000, 22_767],
    'kube-apiserver-arg:\n  - "service-node-port-range=20000-22767"\n': [20_000, 22_767],
    'service-node-port-range: 20000-22767\n# service-node-port-range: 1-2\n': [20_000, 22_767],
    'kube-apiserver --v=2': undefined,
    '    # - --service-node-port-range=1-2\n': undefined,
    'kube-apiserver --no-service-node-port-range=1-2': undefined,
    'kube-apiserver --service-node-port-range=2-1': undefined,
    'kube-apiserver --service-node-port-range=0-1': undefined,
    'kube-apiserver --service-node-port-range=1-65536': undefined,
    'kube-apiserver --service-node-port-range=65535+1': undefined,
    'kube-apiserver --service-node-port-range=1-2x': undefined,
    'kube-apiserver --service-node-port-range=': undefined,
  };
  for (const [text, range] of Object.entries(lines)) {
    test(text, () => assert.deepEqual(nodePortRange(text), range && { first: range[0], last: range[1] }));
  }
});

describe('portserver', () => {
  const lines: Record<string, [first: number, last: number][] | undefined> = {
    'python3 portserver.py --portserver_static_pool=15000-24999': [[15_000, 24_999]],
    'portserver --portserver_static_pool 15000-15009,20000-20009 --verbose': [
      [15_000, 15_009],
      [20_000, 20_009],
    ],
    'portserver --portserver_static_pool=5-4,x': undefined,
    'portserver --portserver_static_pool=5-4,1-70000,7-8': [[7, 8]],
    'portserver --portserver_static_pool=1-2 --portserver_static_pool=3-4': [[3, 4]],
    'portserver --verbose': undefined,
  };
  for (const [text, ranges] of Object.entries(lines)) {
    test(text, () => {
      assert.deepEqual(
        portserverRanges(text),
        ranges?.map(([first, last]) => ({ first, last })),
      );
    });
  }
});
