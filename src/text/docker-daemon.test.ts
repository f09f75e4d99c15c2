// What Docker's settings say of the proxy that holds the ports of containers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userlandProxyIn, userlandProxyOf } from './docker-daemon.ts';

test('daemon.json', () => {
  const cases: Record<string, boolean | undefined> = {
    '{"userland-proxy": false}': false,
    '{"userland-proxy": true, "debug": true}': true,
    '{"userland-proxy": "false"}': undefined,
    '{}': undefined,
    '[]': undefined,
    null: undefined,
    '': undefined,
    '{"userland-proxy": false,': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(userlandProxyIn(text), expected, text);
});

// pflag: a boolean option has its value behind "=", as strconv.ParseBool reads it.
test('the options of dockerd', () => {
  const cases: Record<string, boolean | undefined> = {
    'dockerd --userland-proxy=false -H fd://': false,
    'dockerd --userland-proxy=0': false,
    'dockerd --userland-proxy=true': true,
    'dockerd --userland-proxy': true,
    'dockerd --userland-proxy=false --userland-proxy': true,
    'dockerd --userland-proxy-path=/false': undefined,
    'dockerd -H fd://': undefined,
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(userlandProxyOf(text), expected, text);
});
