// Tests of parsing group(5).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseGroup } from './group.ts';

// group(5): group_name:password:GID:user_list
test('a group has a name, a gid and members', () => {
  const text = 'root:x:0:\nweb:x:33:alice,bob\nops:!:1000:alice\n';
  assert.deepEqual(parseGroup(text), [
    { name: 'root', gid: 0, members: [] },
    { name: 'web', gid: 33, members: ['alice', 'bob'] },
    { name: 'ops', gid: 1000, members: ['alice'] },
  ]);
});

// group(5): user_list is "a list of the usernames that are members of this group, separated by commas".
const lists: readonly (readonly [line: string, members: readonly string[]])[] = [
  ['a:x:1', []],
  ['a:x:1:', []],
  ['a:x:1:b', ['b']],
  ['a:x:1:b,c', ['b', 'c']],
  ['a:x:1:b,,c,', ['b', 'c']],
  ['a:x:1: b , c ', ['b', 'c']],
  ['a:x:1:b\r', ['b']],
];
for (const [line, members] of lists) {
  test(`${JSON.stringify(line)} has ${members.length} members`, () => {
    assert.deepEqual(parseGroup(line), [{ name: 'a', gid: 1, members }]);
  });
}

test('an invalid line is skipped', () => {
  const lines = [
    '',
    '# a comment',
    'a',
    'a:x',
    'a:x::b',
    ':x:1:b',
    'a:x:-1:b',
    'a:x:0x1:b',
    'a:x:1 :b',
    '+:::',
  ];
  assert.deepEqual(parseGroup([...lines, 'b:x:1:c'].join('\n')), [{ name: 'b', gid: 1, members: ['c'] }]);
});

// credentials(7): -1, that is 2^32 - 1, is not a gid.
test('the largest gid is 2^32 - 2', () => {
  assert.equal(parseGroup('a:x:4294967294:')[0]?.gid, 4294967294);
  assert.deepEqual(parseGroup('a:x:4294967295:'), []);
});

test('arbitrary text is parsed, and a parsed group parses again', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', ':', ',', '1', '\n', ' ') }), (text) => {
      const groups = parseGroup(text);
      const again = groups
        .map(({ name, gid, members }) => `${name}:x:${gid}:${members.join(',')}`)
        .join('\n');
      assert.deepEqual(parseGroup(again), groups);
    }),
  );
});
