// Tests of `portreeve profile check`: valid and invalid profiles, and files that are not profiles.
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { processorBound } from '../../../test/support/processor.ts';
import { workspace } from '../../../test/support/profile-workspace.ts';
import { PROFILE_MAX_BYTES } from '../../base/limits.ts';

const GOOD = 'PORT\n  80 TCP WEB\nHOME 192.0.2.7 LINK1\n';
const BAD = 'PORT\n  80 TCP WEB\nPORTRANGE 70 20 TCP OTHER\nPORTRANGE 0 5 TCP X\n';

test('a valid profile', async (t) => {
  const { run } = workspace(t, { good: GOOD });
  assert.deepEqual(await run('profile check @good'), {
    code: 0,
    stdout: 'no errors; 1 statement that does not concern ports was skipped\n',
    stderr: '',
  });
});

test('all errors are reported in one run, each with its place and z/OS number', async (t) => {
  const { run } = workspace(t, { bad: BAD });
  const { code, stdout, stderr } = await run('profile check @bad');
  assert.deepEqual([code, stderr], [1, '']);
  const heads = stdout.split('\n').filter((line) => /: (error|warning)/.test(line));
  assert.match(heads[0] ?? '', /^@bad:3:11: error EZZ0326I: .*conflicts with PORT/);
  assert.match(heads[1] ?? '', /^@bad:4:11: error EZZ0318I: "0" was found and a port from 1 to 65535/);
  assert.equal(heads.length, 2);
  assert.match(stdout, /\nPORTRANGE 70 20 TCP OTHER\n {10}\^\^\n/);
  assert.match(stdout, /\n2 errors\n$/);
});

test('a profile with warnings only exits 0', async (t) => {
  const { run } = workspace(t, { warned: 'PORT 80 TCP *\n     80 TCP WEB\n' });
  const { code, stdout } = await run('profile check @warned');
  assert.equal(code, 0);
  assert.match(stdout, /: warning: /);
  assert.match(stdout, /no errors, 1 warning\n$/);
});

test('every file is checked, even if one of them has errors', async (t) => {
  const { run } = workspace(t, { good: GOOD, bad: BAD, empty: '' });
  const { code, stdout } = await run('profile check @none @empty @bad @good');
  assert.equal(code, 2);
  assert.match(stdout, /^@none:1:1: error: there is no file @none$/m);
  assert.match(stdout, /^@empty:1:1: error: @empty is empty$/m);
  assert.match(stdout, /^4 errors; 1 statement /m);
  assert.equal((await run('profile check @bad @good')).code, 1);
});

describe('output formats', () => {
  test('github', async (t) => {
    const { run } = workspace(t, { bad: BAD });
    const { code, stdout } = await run('profile check @bad --format github');
    assert.equal(code, 1);
    const commands = stdout.split('\n').slice(0, -2);
    assert.match(commands[0] ?? '', /^::error file=@bad,line=3,col=11,title=EZZ0326I::PORTRANGE on line 3/);
    for (const command of commands) assert.match(command, /^::error file=@bad,line=\d+,col=\d+,title=\w+::/);
  });

  test('JSON', async (t) => {
    const { run } = workspace(t, { bad: BAD, good: GOOD });
    const { code, stdout } = await run('profile check @bad @good --json');
    assert.equal(code, 1);
    const { diagnostics, summary } = JSON.parse(stdout);
    assert.deepEqual(summary, { files: 2, errors: 2, warnings: 0, notices: 1, skipped: 1 });
    const [first] = diagnostics;
    assert.deepEqual(
      [first.severity, first.code, first.zos, first.place],
      ['error', 'PORT_CONFLICT', 'EZZ0326I', { file: '@bad', line: 3, column: 11, length: 2 }],
    );
    assert.equal(first.excerpt, 'PORTRANGE 70 20 TCP OTHER');
  });

  test('exclude each other', async (t) => {
    const { run } = workspace(t, { good: GOOD });
    assert.equal((await run('profile check @good --json --format github')).code, 2);
    assert.equal((await run('profile check @good --format xml')).code, 2);
  });
});

test('symbols are those given, and SYSNAME of this host', async (t) => {
  const { run, runWith } = workspace(t, {
    symbols: 'PORT 80 TCP A&N.\n',
    sysname: 'PORT 80 TCP &SYSNAME.X\n',
  });
  assert.equal((await run('profile check @symbols')).code, 1);
  assert.equal((await run('profile check @symbols --symbol N=1')).code, 0);
  assert.equal((await run('profile check @symbols --symbol n=! --symbol N=1')).code, 0);
  assert.equal((await run('profile check @symbols --symbol N=!')).code, 1);
  const isJob = /^[A-Za-z0-9-]{1,20}$/.test(hostname().split('.')[0] ?? '');
  assert.equal((await run('profile check @sysname')).code, isJob ? 0 : 1);
  for (const wrong of ['N', '=1', '1N=2', 'A B=3', '']) {
    const { code, stderr } = await runWith(['profile', 'check', '@symbols', `--symbol=${wrong}`]);
    assert.equal(code, 2, wrong);
    assert.match(stderr, /is not of the form NAME=VALUE/);
  }
});

test('--zos-names limits job names to 8 characters', async (t) => {
  const { run } = workspace(t, { long: 'PORT 80 TCP LONGER-NAME\n' });
  assert.equal((await run('profile check @long')).code, 0);
  assert.equal((await run('profile check @long --zos-names')).code, 1);
});

test('--verbose lists skipped statements', async (t) => {
  const { run } = workspace(t, { good: GOOD });
  assert.match((await run('profile check @good --verbose')).stdout, /^@good:3:1: notice: HOME/);
});

test('--racf and --bpxprm are checked once, and against each profile', async (t) => {
  const { run } = workspace(t, {
    a: 'PORT 80 TCP WEB SAF A\n',
    b: 'PORT 80 TCP WEB SAF A\n',
    racf: 'NOSUCH\n',
    bpxprm: 'NETWORK DOMAINNAME(AF_INET) TYPE(CINET)\n  INADDRANYPORT(4000) INADDRANYCOUNT(2)\n',
  });
  const { code, stdout } = await run('profile check @a @b --racf @racf --bpxprm @bpxprm');
  assert.equal(code, 1);
  assert.equal(stdout.match(/^@racf:1:1: error/gm)?.length, 1);
  assert.equal(stdout.match(/no RACF profile covers EZB\.PORTACCESS\.\S+\.TCPIP\.A/g)?.length, 2);
  assert.match(stdout, /^@bpxprm:1:1: warning: .*4000-4001/m);
  assert.equal((await run('profile check @a --racf @none')).code, 2);
});

test('the settings of portreeve.toml are defaults', async (t) => {
  const { run, write, directory } = workspace(t, { long: 'PORT 80 TCP LONGER-NAME\n' });
  assert.match((await run('profile check')).stderr, /no profile was named/);
  write('toml', `[profile]\nfile = "${directory}/long"\nzos_names = true\n`);
  const { code, stdout } = await run('profile check --config @toml');
  assert.equal(code, 1);
  assert.match(stdout, /^@long:1:13: error/);
  mkdirSync(join(directory, '.config/portreeve'), { recursive: true });
  write('.config/portreeve/portreeve.toml', '[profile]\nzos_names = true\n');
  assert.equal((await run('profile check @long')).code, 1);
  write('.config/portreeve/portreeve.toml', '[profile]\nzos_name = true\n');
  assert.equal((await run('profile check @long')).code, 2);
  assert.equal((await run('profile check @long --config @none')).code, 2);
});

describe('files that are not profiles are refused in bounded time', () => {
  const ebcdic = Uint8Array.from('d7d6d9e34b25404040f8f040e3c3d740e6c5c225'.match(/../g) ?? [], (hex) =>
    Buffer.from(hex, 'hex').readUInt8(),
  );
  const cases: Record<string, [content: string | Uint8Array, code: number, message: RegExp]> = {
    'an empty file': ['', 1, /is empty/],
    'blanks alone': [' \n\t\n', 1, /contains only blanks/],
    'NUL bytes': ['PORT 80 TCP WEB\n\0\0', 1, /is not a text file: it contains a NUL byte in line 2/],
    'a program': [Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), 1, /is not a text file/],
    EBCDIC: [ebcdic, 1, /is in EBCDIC[\s\S]*iconv/],
    'another encoding': [Uint8Array.from([0x50, 0xe9, 0x0a]), 1, /is not in UTF-8/],
    'too large a file': [new Uint8Array(PROFILE_MAX_BYTES + 1).fill(0x20), 2, /is larger than \d+ bytes/],
    'one word of many megabytes': [
      'x'.repeat(PROFILE_MAX_BYTES),
      1,
      /was found and a statement was expected/,
    ],
  };
  for (const [name, [content, code, message]] of Object.entries(cases)) {
    test(name, async (t) => {
      const { run } = workspace(t, { file: content });
      const assertBounded = processorBound();
      const found = await run('profile check @file');
      assertBounded();
      assert.equal(found.code, code);
      assert.match(found.stdout, message);
      assert.ok(found.stdout.length < 2000, 'the output is short');
    });
  }

  test('a byte order mark and carriage returns are accepted', async (t) => {
    const { run } = workspace(t, { file: '\uFEFFPORT\r\n  80 TCP WEB\r\n  81 TCP A!\r\n' });
    const { code, stdout } = await run('profile check @file');
    assert.equal(code, 1);
    assert.match(stdout, /^@file:3:10: error EZZ0318I/);
    assert.match(stdout, /\n {2}81 TCP A!\n {9}\^\^\n/);
  });

  test('a directory is an error, also if it is included', async (t) => {
    const { run, directory } = workspace(t, { file: 'INCLUDE sub\n', self: 'INCLUDE self\n' });
    mkdirSync(join(directory, 'sub'));
    assert.match((await run('profile check @sub')).stdout, /cannot read @sub: it is a directory/);
    assert.equal((await run('profile check @sub')).code, 3);
    assert.match((await run('profile check @file')).stdout, /@file:1:9: error: .* it is a directory/);
    assert.match((await run('profile check @self')).stdout, /@self:1:9: error: .*includes itself/);
    symlinkSync('.', join(directory, 'loop'));
    const around = workspace(t, { around: '' });
    symlinkSync('.', join(around.directory, 'loop'));
    around.write('around', 'INCLUDE loop/around\n');
    const { code, stdout } = await around.run('profile check @around');
    assert.equal(code, 1);
    assert.match(stdout, /more than 16 deep/);
  });
});
