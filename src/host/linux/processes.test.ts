// Tests of child processes: what they inherit, and the lines they send.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CHANNEL_LINE_MAX_BYTES } from '../../base/limits.ts';
import type { ChildEnd } from '../host.ts';
import { startProcess } from './processes.ts';

/** The last line of a program, which waits until it was received. */
const LAST = 'echo last >&3; read -r heard <&3';

/** Runs a sh(1) script. Returns the lines that it wrote to its channel. */
function ran(program: string, fds: readonly number[] = []): Promise<{ lines: string[]; end: ChildEnd }> {
  const lines: string[] = [];
  return new Promise((resolve) => {
    const child = startProcess({
      argv: ['sh', '-c', program],
      fds,
      onLine: (line) => {
        if (line === 'last') child.send('heard');
        else lines.push(line);
      },
      onEnd: (end) => resolve({ lines, end }),
    });
  });
}

/** Node marks inherited descriptors itself, up to the first gap above 15. */
const INHERITED = 20;

/** A descriptor of the shell, and its target. */
const SHOW = 'echo "${fd##*/} $(readlink $fd)"';

describe('a child inherits', () => {
  test('no environment except PATH', async () => {
    process.env['PORTREEVE_TEST_SECRET'] = 'x';
    const { lines } = await ran(`env >&3; ${LAST}`);
    delete process.env['PORTREEVE_TEST_SECRET'];
    const names = lines.map((line) => line.split('=')[0]).filter((name) => name !== 'PWD' && name !== '_');
    assert.deepEqual(
      names.filter((name) => !['PATH', 'OLDPWD', 'SHLVL'].includes(name ?? '')),
      [],
    );
    assert.ok(lines.includes('PATH=/usr/sbin:/usr/bin:/sbin:/bin'));
  });

  test('only its own descriptors, and no input', async () => {
    const fd = openSync('/etc/passwd', 'r');
    const { lines } = await ran(`for fd in /proc/$$/fd/*; do ${SHOW}; done >&3; ${LAST}`, [fd]);
    closeSync(fd);
    // Standard error is the daemon's. The shell has saved its standard output, and reads links.
    const shown = lines.flatMap((line) => (/^2 |pipe:|\/proc\/|^1\d /.test(line) ? [] : [line]));
    assert.deepEqual(
      shown.map((line) => line.replace(/\[\d+\]/, '')),
      ['0 /dev/null', '1 socket:', '3 socket:', '4 /etc/passwd'],
    );
  });

  test('nothing that the daemon itself inherited', () => {
    const module = JSON.stringify(join(import.meta.dirname, 'processes.ts'));
    const script = `const { startProcess } = await import(${module});
      startProcess({
        argv: ['sh', '-c', '[ -e /proc/$$/fd/${INHERITED} ] && echo leaks >&3 || echo kept >&3; exec cat <&3'],
        fds: [],
        onLine: (line) => { console.log(line); process.exit(); },
        onEnd: () => {},
      });`;
    const node = ['--input-type=module', '--eval', script];
    const fd = openSync('/etc/passwd', 'r');
    const unused = Array.from({ length: INHERITED - 3 }, () => 'ignore' as const);
    const { stdout, stderr } = spawnSync(process.execPath, node, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', ...unused, fd],
    });
    closeSync(fd);
    assert.equal(stdout, 'kept\n', stderr);
  });
});

describe('of the output of a child', () => {
  test('complete lines are received', async () => {
    const { lines } = await ran(
      `printf 'one\\ntwo\\nthr' >&3; printf 'ee\\n' >&3; ${LAST}; printf 'rest' >&3`,
    );
    assert.deepEqual(lines, ['one', 'two', 'three']);
  });

  test('a line without an end kills the child', async () => {
    const endless = `head -c ${2 * CHANNEL_LINE_MAX_BYTES} /dev/zero | tr '\\0' x >&3`;
    const { lines, end } = await ran(`${endless}; echo >&3; ${LAST}`);
    assert.deepEqual([lines, end.signal], [[], 'SIGKILL']);
  });
});
