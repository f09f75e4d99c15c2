// Tests from which ports root is believed: below the kernel's setting, granted to nobody, and none in doubt.
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { openPrivilegedStart, RootPorts } from './root-ports.ts';

/** The two files, open: what the setting says, and which ports are granted. */
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

function believed(ports: RootPorts): number[] {
  return ALL.filter((port) => ports.refusal(port) === undefined);
}

describe('root is believed', () => {
  const cases: Record<string, [start: string, granted: number[], believed: number[]]> = {
    'below the setting': ['1024\n', [], [1, 111, 700, 1023]],
    'below a lower setting': ['112\n', [], [1, 111]],
    'nowhere if it is 0': ['0\n', [], []],
    'everywhere if it is more than the largest port': ['65536\n', [], ALL],
    'not from ports that were granted': ['1024\n', [111, 1023], [1, 700]],
  };
  for (const [name, [start, granted, expected]] of Object.entries(cases)) {
    test(name, (t) => {
      const { startFd, grantedFd } = files(t, start, granted);
      assert.deepEqual(believed(new RootPorts(startFd, grantedFd)), expected);
    });
  }

  for (const text of ['', 'x', '-1', '65537', '1024 1', '99999999999']) {
    test(`nowhere if the setting is "${text}"`, (t) => {
      const { startFd, grantedFd } = files(t, text);
      assert.deepEqual(believed(new RootPorts(startFd, grantedFd)), []);
    });
  }

  test('nowhere if a file is not there, or the record is cut off', (t) => {
    const { startFd, grantedFd } = files(t, '1024\n');
    assert.deepEqual(believed(new RootPorts(undefined, grantedFd)), []);
    assert.deepEqual(believed(new RootPorts(startFd, undefined)), []);
    ftruncateSync(grantedFd, 700);
    assert.deepEqual(believed(new RootPorts(startFd, grantedFd)), [1, 111]);
  });
});

test('the files are read anew each time, and each refusal says why', (t) => {
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
