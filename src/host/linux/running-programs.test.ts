// What runs on this host, and what it is called.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOf, runningPrograms } from './running-programs.ts';

test('a program is called by its path, a script by its own', () => {
  const cases: Record<string, string> = {
    '/usr/bin/dockerd -H fd://': 'dockerd',
    'python3 -u /opt/portserver.py --verbose': 'portserver.py',
    '/usr/bin/python3.11 -m http.server': 'http.server',
    'bash -l': 'bash',
    '': '',
  };
  for (const [line, name] of Object.entries(cases)) assert.equal(nameOf(line.split(' ')), name, line);
});

test('this process is among those that run', () => {
  const own = runningPrograms().filter(({ command }) => command.includes('running-programs.test.ts'));
  assert.ok(own.length > 0);
  for (const { command } of own) assert.doesNotMatch(command, /\0/);
});
