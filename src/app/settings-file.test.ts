// portreeve.toml: what it may say, and how each thing that it may not is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PortreeveError } from '../base/errors.ts';
import { nearest, parseSettings, SETTING_KEYS } from './settings-file.ts';

/** The mistakes that are named, a line each. */
function mistakes(text: string): string[] {
  try {
    parseSettings(text, 'x.toml');
    return [];
  } catch (thrown) {
    assert.ok(thrown instanceof PortreeveError);
    assert.deepEqual([thrown.kind, thrown.code], ['usage', 'CONFIG_INVALID']);
    return thrown.message.split('\n  ').slice(1);
  }
}

test('all settings', () => {
  const text =
    '[portmap]\nlisten = ["0.0.0.0", "::1"]\nport = 111\nlocal = "/run/rpcbind.sock"\nuid = 60711\n';
  const portmap = { listen: ['0.0.0.0', '::1'], port: 111, local: '/run/rpcbind.sock', uid: 60711 };
  assert.deepEqual(parseSettings(text, 'x.toml'), { portmap });
});

test('none', () => {
  for (const text of ['', '# nothing\n', '[portmap]\n']) assert.deepEqual(mistakes(text), []);
});

describe('each value has its bounds', () => {
  const cases: [key: string, good: string[], bad: string[]][] = [
    [
      'listen',
      ['[]', '["192.0.2.7"]', '["::"]'],
      [
        '"::"',
        '["localhost"]',
        '["fe80::1"]',
        '["224.0.0.1"]',
        '["::ffff:127.0.0.1"]',
        '["1.2.3.4:5"]',
        '[1]',
      ],
    ],
    ['port', ['1', '65535'], ['0', '65536', '-1', '1.5', '"111"']],
    [
      'local',
      ['"/a"', `"/${'a'.repeat(105)}"`],
      ['""', '"a"', '"/é"', '"/a b"', '"@a"', `"/${'a'.repeat(106)}"`, '1'],
    ],
    ['uid', ['1', '4294967294'], ['0', '4294967295', '"nobody"']],
  ];
  for (const [key, good, bad] of cases) {
    test(key, () => {
      for (const value of good) assert.deepEqual(mistakes(`[portmap]\n${key} = ${value}\n`), [], value);
      for (const value of bad) {
        const [mistake = '', ...more] = mistakes(`[portmap]\n${key} = ${value}\n`);
        assert.match(mistake, new RegExp(`^portmap\\.${key}(\\.0)? is .+; it must be an? `));
        assert.deepEqual(more, []);
      }
    });
  }

  test('and each has been tried', () => {
    assert.deepEqual(
      cases.map(([key]) => `portmap.${key}`),
      SETTING_KEYS,
    );
  });
});

test('a section that is a value', () => {
  assert.deepEqual(mistakes('portmap = 3\n'), ['portmap is 3; it must be a section, [portmap]']);
});

test('the nearest known word', () => {
  const known = ['listen', 'port', 'local', 'uid'];
  const cases = { prot: 'port', lissten: 'listen', path: 'port', gid: 'uid', port: 'port' };
  for (const [word, expected] of Object.entries(cases)) assert.equal(nearest(word, known), expected, word);
  assert.equal(nearest('port', []), undefined);
});
