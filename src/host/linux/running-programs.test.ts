// Tests of listing running programs and their names.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { nameOf, runningPrograms } from './running-programs.ts';

test('a program has the name of its path, a script that of its own', () => {
  const cases: Record<string, string> = {
    '/usr/bin/dockerd -H fd://': 'dockerd',
    'python3 -u /opt/portserver.py --verbose': 'portserver.py',
    '/usr/bin/python3.11 -m http.server': 'http.server',
    'bash -l': 'bash',
    '': '',
  };
  for (const [line, name] of Object.entries(cases)) assert.equal(nameOf(line.split(' ')), name, line);
});

test('this process is listed', () => {
  const own = runningPrograms().filter(({ command }) => command.includes('running-programs.test.ts'));
  assert.ok(own.length > 0);
  for (const { command } of own) assert.doesNotMatch(command, /\0/);
});

test('a process in another network namespace is not listed, but its twin here is', async (t) => {
  if (!needs(t, probe.root(), probe.netns(), probe.command('unshare'))) return;
  const names = async (prefix: readonly string[]) => {
    const script = 'echo ready; read -r line; exit';
    const [command = '', ...args] = [...prefix, 'sh', '-c', script, 'portreeve-elsewhere'];
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      await once(child.stdout, 'data');
      return runningPrograms().filter((program) => program.command.endsWith('portreeve-elsewhere')).length;
    } finally {
      child.stdin.end();
      await once(child, 'close');
    }
  };
  assert.deepEqual([await names([]), await names(['unshare', '--net'])], [1, 0]);
});
