// Tests of the UDP ports that identify root: below the setting of the kernel, never granted, and none in doubt.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openPrivilegedStart, RootPorts } from './root-ports.ts';

/** The two open files: the setting, and the record of granted ports. */
function files(t: TestContext, start: string, granted: readonly number[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-root-ports-'));
  const [startFd, grantedFd] = ['start', 'granted'].map((name) => openSync(join(directory, name), 'w+')) as [
    number,
    number,
  ];
  t.after(() => {
    closeSync(startFd);
    closeSync(grantedFd);
    rmSync(directory, { recursive: true });
  });
  writeSync(startFd, start);
  ftruncateSync(grantedFd, 65_536);
  for (const port of granted) writeSync(grantedFd, new Uint8Array([1]), 0, 1, port);
  return { startFd, grantedFd };
}

const ALL = [1, 111, 700, 1023, 1024, 40_000, 65_535];

function rootPorts(ports: RootPorts): number[] {
  return ALL.filter((port) => ports.refusal(port) === undefined);
}

describe('ports that identify root', () => {
  const cases: Record<string, [start: string, granted: number[], rootPorts: number[]]> = {
    'are those below the setting': ['1024\n', [], [1, 111, 700, 1023]],
    'are those below a lower setting': ['112\n', [], [1, 111]],
    'do not exist if the setting is 0': ['0\n', [], []],
    'are all if the setting exceeds the largest port': ['65536\n', [], ALL],
    'do not include granted ports': ['1024\n', [111, 1023], [1, 700]],
  };
  for (const [name, [start, granted, expected]] of Object.entries(cases)) {
    test(name, (t) => {
      const { startFd, grantedFd } = files(t, start, granted);
      assert.deepEqual(rootPorts(new RootPorts(startFd, grantedFd)), expected);
    });
  }

  for (const text of ['', 'x', '-1', '65537', '1024 1', '99999999999']) {
    test(`there are none if the setting is "${text}"`, (t) => {
      const { startFd, grantedFd } = files(t, text);
      assert.deepEqual(rootPorts(new RootPorts(startFd, grantedFd)), []);
    });
  }

  test('there are none if a file is missing or the record is truncated', (t) => {
    const { startFd, grantedFd } = files(t, '1024\n');
    assert.deepEqual(rootPorts(new RootPorts(undefined, grantedFd)), []);
    assert.deepEqual(rootPorts(new RootPorts(startFd, undefined)), []);
    ftruncateSync(grantedFd, 700);
    assert.deepEqual(rootPorts(new RootPorts(startFd, grantedFd)), [1, 111]);
  });
});

test('the files are read each time, and each refusal has its reason', (t) => {
  const { startFd, grantedFd } = files(t, '1024\n');
  const ports = new RootPorts(startFd, grantedFd);
  assert.deepEqual([ports.refusal(700), ports.refusal(1024)], [undefined, 'ROOT_PORT_UNPRIVILEGED']);
  writeSync(grantedFd, new Uint8Array([1]), 0, 1, 700);
  assert.equal(ports.refusal(700), 'ROOT_PORT_GRANTED');
  ftruncateSync(startFd, 0);
  writeSync(startFd, '0\n', 0);
  assert.equal(ports.refusal(701), 'ROOT_PORT_NONE');
});

test("the kernel's own setting is read", (t) => {
  const startFd = openPrivilegedStart() ?? assert.fail('no such setting');
  t.after(() => closeSync(startFd));
  const { grantedFd } = files(t, '');
  assert.notEqual(new RootPorts(startFd, grantedFd).refusal(65_535), undefined);
  assert.equal(openPrivilegedStart('/nonexistent/setting'), undefined);
});
