// Parsing /etc/bindresvport.blacklist, and adding ports to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addToBlacklist, parseBlacklist } from './bindresvport.ts';

test('parses the file of Debian', () => {
  const text =
    '#\n# which should not be used by bindresvport.\n#\n631\t# cups\n636\t# ldaps\n655\t# tinc\n774\t# rpasswd\n' +
    '783\t# spamd\n873\t# rsync\n921\t# lwresd\n993\t# imaps\n995\t# pops\n';
  assert.deepEqual(parseBlacklist(text), [631, 636, 655, 774, 783, 873, 921, 993, 995]);
});

test('ignores a line that is not a port from 512 to 1023', () => {
  const lines = ['', '#', '511', '1024', 'x', '631x', '631 632', '-631', '99999999999'];
  assert.deepEqual(
    parseBlacklist([...lines, '512', '\t1023  ', '600#x', '600'].join('\n')),
    [512, 600, 1023],
  );
});

test('appends a port once', () => {
  const ports = new Map([
    [853, 'domain-s\n1'],
    [631, 'cups'],
    [700, 'x'],
  ]);
  const text = addToBlacklist('631 # cups', ports);
  assert.equal(text, '631 # cups\n700\t# x\n853\t# domain-s?1\n');
  assert.deepEqual(parseBlacklist(text), [631, 700, 853]);
  assert.equal(addToBlacklist(text, ports), text);
  assert.equal(addToBlacklist('', new Map()), '');
});
