// Tests that profiles are decoded, and that other files are refused with their probable encoding.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { needs, probe } from '../../../test/support/probe.ts';
import { processorBound } from '../../../test/support/processor.ts';
import { PortreeveError } from '../../base/errors.ts';
import { PROFILE_MAX_BYTES } from '../../base/limits.ts';
import { decodeProfile } from './decode.ts';

const PROFILE = 'PORT\n   80 TCP WEB@1 ; the "web"\n  443 TCP WEB*\n';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => decodeProfile(bytes, 'profile.tcpip');

function refusal(bytes: Uint8Array, file = 'profile.tcpip'): PortreeveError {
  try {
    decodeProfile(bytes, file);
  } catch (thrown) {
    if (thrown instanceof PortreeveError) return thrown;
    throw thrown;
  }
  return assert.fail('it was decoded');
}

/** The part of code page 1047 that profiles need: runs of characters with the byte of the first. */
const CP1047: readonly (readonly [characters: string, first: number])[] = [
  ['\n', 0x15],
  [' ', 0x40],
  ['.<(+', 0x4b],
  ['&', 0x50],
  ['!$*);', 0x5a],
  ['-/', 0x60],
  [',%_>?', 0x6b],
  [':#@\'="', 0x7a],
  ['abcdefghi', 0x81],
  ['jklmnopqr', 0x91],
  ['stuvwxyz', 0xa2],
  ['ABCDEFGHI', 0xc1],
  ['JKLMNOPQR', 0xd1],
  ['STUVWXYZ', 0xe2],
  ['0123456789', 0xf0],
];
const CP1047_BYTES = new Map(
  CP1047.flatMap(([characters, first]) => [...characters].map((character, i) => [character, first + i])),
);

function ebcdic(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => CP1047_BYTES.get(character) ?? assert.fail(character));
}

describe('a text', () => {
  test('in UTF-8 is unchanged', () => {
    assert.equal(decode(utf8(PROFILE)), PROFILE);
    assert.equal(decode(utf8('; Zürich 🚢\t\n')), '; Zürich 🚢\t\n');
  });

  test('loses one byte order mark', () => {
    assert.equal(decode(utf8('\ufeffPORT')), 'PORT');
    assert.equal(decode(utf8('\ufeff\ufeffPORT')), '\ufeffPORT');
  });

  test('may have lines that end with CR LF, CR or LF', () => {
    assert.equal(decode(utf8('PORT\r\n80 TCP A\r\n')), 'PORT\n80 TCP A\n');
    assert.equal(decode(utf8('PORT\r80 TCP A\r')), 'PORT\n80 TCP A\n');
    assert.equal(decode(utf8('PORT\r\n\r\n80\r\r\n')), 'PORT\n\n80\n\n');
  });

  test('may be as large as the limit', () => {
    const bytes = new Uint8Array(PROFILE_MAX_BYTES).fill(0x78);
    const assertBounded = processorBound();
    assert.equal(decode(bytes).length, PROFILE_MAX_BYTES);
    assertBounded();
  });
});

describe('files that are not profiles', () => {
  for (const [name, bytes, code, message] of [
    ['nothing', [], 'PROFILE_EMPTY', /^profile\.tcpip is empty$/],
    ['blanks', utf8(' \t\r\n\n '), 'PROFILE_EMPTY', /contains only blanks/],
    ['a byte order mark alone', utf8('\ufeff'), 'PROFILE_EMPTY', /contains only blanks/],
    ['a NUL', utf8('PORT\n80\0'), 'PROFILE_BINARY', /a NUL byte in line 2, at offset 7$/],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x50, 0]), 'PROFILE_BINARY', /a NUL byte in line 1, at offset 3$/],
    ['an escape', utf8('; \x1b[2J'), 'PROFILE_BINARY', /the control character 0x1b in line 1, at offset 2$/],
    ['a form feed', utf8('\fPORT'), 'PROFILE_BINARY', /the control character 0x0c in line 1, at offset 0$/],
    ['the end of a file of DOS', utf8('; a\n\x1a'), 'PROFILE_BINARY', /0x1a in line 2, at offset 4$/],
    ['an ELF program', [0x7f, 0x45, 0x4c, 0x46, 2, 1], 'PROFILE_BINARY', /0x02 in line 1, at offset 4$/],
    ['ISO 8859-1', [0x3b, 0x20, 0x5a, 0xfc, 0x72], 'PROFILE_ENCODING', /is not in UTF-8$/],
    ['half a character', utf8('; ü').subarray(0, 3), 'PROFILE_ENCODING', /is not in UTF-8$/],
    ['a surrogate', [0x3b, 0x20, 0xed, 0xa0, 0x80], 'PROFILE_ENCODING', /is not in UTF-8$/],
    ['EBCDIC', ebcdic(PROFILE), 'PROFILE_EBCDIC', /is in EBCDIC$/],
  ] as const) {
    test(`${name} is refused as ${code}`, () => {
      const error = refusal(new Uint8Array(bytes));
      assert.equal(error.kind, 'refused');
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.match(error.message, /profile\.tcpip/);
      assert.notEqual(error.hint, '');
    });
  }

  test('a comment alone is a profile', () => {
    assert.equal(decode(utf8('; none')), '; none');
  });
});

/** The result of the conversion command in the hint. */
function converted(t: TestContext, name: string, bytes: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'portreeve-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, name), bytes);
  const command = refusal(bytes, name).hint.replace(/^.*convert it: /, '');
  const { stderr, status } = spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8' });
  assert.deepEqual([stderr, status], ['', 0], command);
  return decode(readFileSync(join(directory, 'profile.tcpip')));
}

describe('the command in the hint converts', () => {
  for (const name of ['tcpip.prof', "TCPIP's $HOME profile"]) {
    test(`EBCDIC, for a file called ${name}`, (t) => {
      if (!needs(t, probe.command('iconv'))) return;
      assert.equal(converted(t, name, ebcdic(PROFILE)), PROFILE);
    });
  }

  test('EBCDIC whose lines end with a line feed', (t) => {
    if (!needs(t, probe.command('iconv'))) return;
    const bytes = ebcdic(PROFILE).map((byte) => (byte === 0x15 ? 0x25 : byte));
    assert.equal(converted(t, 'tcpip.prof', bytes), PROFILE);
  });

  test('EBCDIC in records of 80 characters: comments end with their record', (t) => {
    if (!needs(t, probe.command('iconv'), probe.command('fold'))) return;
    const lines = PROFILE.trimEnd().split('\n');
    const records = ebcdic(lines.map((line) => line.padEnd(80)).join(''));
    const text = converted(t, 'tcpip.prof', records);
    assert.deepEqual(
      text.split('\n').map((line) => line.trimEnd()),
      lines,
    );
  });

  test('ISO 8859-1', (t) => {
    if (!needs(t, probe.command('iconv'))) return;
    assert.equal(converted(t, 'latin', new Uint8Array([0x3b, 0x20, 0x5a, 0xfc, 0x72])), '; Zür');
  });
});
